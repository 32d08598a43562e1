# One decision task, answered with a decision of every type that leaves the execution open, and
# then one that closes it. DECISIONS is where each is written down, by its type, as JSON.

$SWF register-domain --name shop --workflow-execution-retention-period-in-days NONE
for name in order child; do
    $SWF register-workflow-type --domain shop --name $name --workflow-version 1 \
        --default-task-list name=$name --default-child-policy TERMINATE \
        --default-execution-start-to-close-timeout 3600 --default-task-start-to-close-timeout 30
done
$SWF register-activity-type --domain shop --name charge --activity-version 1 \
    --default-task-list name=workers --default-task-heartbeat-timeout NONE \
    --default-task-schedule-to-start-timeout NONE --default-task-schedule-to-close-timeout NONE \
    --default-task-start-to-close-timeout 60

start() {
    $SWF start-workflow-execution --domain shop --workflow-id "$1" \
        --workflow-type name=order,version=1 --lambda-role role --query runId
}

decide() {
    token=$($SWF poll-for-decision-task --domain shop --task-list name=order --query taskToken)
    $SWF respond-decision-task-completed --task-token "$token" --decisions "$1"
}

start all
decide "$(cat "$DECISIONS/open.json")"
$SWF terminate-workflow-execution --domain shop --workflow-id all --reason "all is decided"
for closing in "$DECISIONS"/close-*.json; do
    id=$(basename "$closing" .json)
    start "$id"
    decide "$(cat "$closing")"
done
