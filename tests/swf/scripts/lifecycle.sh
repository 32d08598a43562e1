# Register, start, poll, decide, work, signal, list: a workflow from its birth to its end.
# SWF is the AWS CLI with the endpoint's URL; each command's answer is JSON, or text with --query.

$SWF register-domain --name shop --workflow-execution-retention-period-in-days 7 \
    --description "where things are sold"
$SWF register-workflow-type --domain shop --name order --workflow-version 1 \
    --default-task-list name=deciders --default-child-policy TERMINATE \
    --default-execution-start-to-close-timeout 3600 --default-task-start-to-close-timeout 30
$SWF register-activity-type --domain shop --name charge --activity-version 1 \
    --default-task-list name=workers --default-task-heartbeat-timeout NONE \
    --default-task-schedule-to-start-timeout NONE --default-task-schedule-to-close-timeout NONE \
    --default-task-start-to-close-timeout 60
test "$($SWF list-domains --registration-status REGISTERED --query 'domainInfos[].name')" = shop
test "$($SWF list-activity-types --domain shop --registration-status REGISTERED \
    --query 'typeInfos[].activityType.name')" = charge

run=$($SWF start-workflow-execution --domain shop --workflow-id order-1 \
    --workflow-type name=order,version=1 --input 42 --tag-list red big --query runId)

token=$($SWF poll-for-decision-task --domain shop --task-list name=deciders --query taskToken)
$SWF respond-decision-task-completed --task-token "$token" --decisions '[{
    "decisionType": "ScheduleActivityTask",
    "scheduleActivityTaskDecisionAttributes": {
        "activityType": {"name": "charge", "version": "1"}, "activityId": "1", "input": "42"}}]'
test "$($SWF count-pending-activity-tasks --domain shop --task-list name=workers \
    --query count)" = 1

work=$($SWF poll-for-activity-task --domain shop --task-list name=workers --identity me \
    --query taskToken)
test "$($SWF record-activity-task-heartbeat --task-token "$work" --details half \
    --query cancelRequested)" = False
$SWF respond-activity-task-completed --task-token "$work" --result paid
$SWF signal-workflow-execution --domain shop --workflow-id order-1 --signal-name hurry --input now

token=$($SWF poll-for-decision-task --domain shop --task-list name=deciders --query taskToken)
$SWF respond-decision-task-completed --task-token "$token" --decisions '[{
    "decisionType": "CompleteWorkflowExecution",
    "completeWorkflowExecutionDecisionAttributes": {"result": "sold"}}]'

test "$($SWF list-closed-workflow-executions --domain shop --start-time-filter oldestDate=0 \
    --tag-filter tag=red --query 'executionInfos[].closeStatus')" = COMPLETED
test "$($SWF describe-workflow-execution --domain shop \
    --execution workflowId=order-1,runId=$run --query executionInfo.executionStatus)" = CLOSED
$SWF get-workflow-execution-history --domain shop --execution workflowId=order-1,runId=$run \
    --query 'events[].eventType'
