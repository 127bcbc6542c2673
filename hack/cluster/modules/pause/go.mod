module cluster/pause

go 1.26.0

tool cluster/pause
