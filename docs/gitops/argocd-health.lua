-- The health of a RagPipeline in Argo CD, whose ConfigMap argocd-cm has it under the key
-- resource.customizations.health.ragpipeline.dev_RagPipeline.
local status = obj.status or {}
if status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "the operator has not looked at this spec yet" }
end

local conditions = {}
for _, each in ipairs(status.conditions or {}) do
  conditions[each.type] = each
end
local ready = conditions.Ready
if ready == nil then
  return { status = "Progressing", message = "the operator has not looked at the pipeline yet" }
end

local moving = conditions.Reconciling
if ready.reason == "Suspended" then
  return { status = "Suspended", message = ready.message }
elseif moving ~= nil and moving.status == "True" then
  return { status = "Progressing", message = moving.message }
end
local health = { True = "Healthy", False = "Degraded", Unknown = "Unknown" }
return { status = health[ready.status], message = ready.message }
