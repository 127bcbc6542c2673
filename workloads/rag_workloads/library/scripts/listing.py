"""Finds documents by what lists may ask for, newest first."""

# Redis answers nobody else while it looks: some milliseconds for so many documents.
LOOKED_AT = 2000

# KEYS: indexes by creation, which must all have the document; the smallest is read. ARGV: least and greatest
# time of creation; time and id of the last document of the page before ("" for none); how many documents;
# what must be in the file's name, in small letters; what stands before the id in a record's key. Answers the
# time and the id from which to go on ("" if there is nothing more), then ids.
LIST = f"""#!lua flags=no-writes
local least, greatest, after, after_id = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local limit, name, prefix = tonumber(ARGV[5]), ARGV[6], ARGV[7]
local index, size = KEYS[1], redis.call('ZCARD', KEYS[1])
for i = 2, #KEYS do
  local other = redis.call('ZCARD', KEYS[i])
  if other < size then index, size = KEYS[i], other end
end
if after ~= '' then greatest = after end

local function wanted(id)
  for _, key in ipairs(KEYS) do
    if key ~= index and not redis.call('ZSCORE', key, id) then return false end
  end
  if name == '' then return true end
  local file_name = redis.call('HGET', prefix .. id, 'file_name')
  return file_name and file_name:lower():find(name, 1, true)
end

local found, offset, last, last_id = {{'', ''}}, 0, nil, nil
while offset < {LOOKED_AT} do
  local page = redis.call(
    'ZRANGE', index, greatest, least, 'BYSCORE', 'REV', 'LIMIT', offset, 500, 'WITHSCORES')
  if #page == 0 then return found end
  for i = 1, #page, 2 do
    local id, score = page[i], page[i + 1]
    -- Of those of one moment, the greater id comes first.
    if tonumber(score) ~= tonumber(after) or id < after_id then
      if #found == limit + 2 then
        found[1], found[2] = last, last_id
        return found
      end
      if wanted(id) then found[#found + 1] = id end
      last, last_id = score, id
    end
  end
  offset = offset + 500
end
if last then
  found[1], found[2] = last, last_id
end
return found
"""
