-- Starts a task's run for a worker, in one trip; returns it, or nothing when it isn't to be run (any more, or yet).
--
-- `counted` says that the limits of running tasks were looked at. If not, a task whose project has one is left alone.
CREATE OR REPLACE FUNCTION eventlane_claim_task(
    task_id text, task_run bigint, of_pipeline text, by_worker text, counted boolean
) RETURNS SETOF projects_task LANGUAGE plpgsql AS $$
DECLARE
    pipeline record;
BEGIN
    SELECT p.status, coalesce(project.max_running_tasks, 0) > 0 AS limited
    INTO pipeline FROM projects_pipeline AS p JOIN projects_project AS project ON project.id = p.project_id
    WHERE p.id = of_pipeline AND p.released AND p.status IN ('created', 'started') FOR UPDATE OF p;
    IF NOT FOUND OR (pipeline.limited AND NOT counted) THEN
        RETURN;
    END IF;

    RETURN QUERY UPDATE projects_task
    SET status = 'started', start_time = now(), heartbeat_time = now(), worker = by_worker, queued = false,
        failure_message = ''
    WHERE id = task_id AND run = task_run AND status = 'created' AND queued AND pipeline_id = of_pipeline
    RETURNING *;

    IF FOUND AND pipeline.status = 'created' THEN
        UPDATE projects_pipeline SET status = 'started', start_time = coalesce(start_time, now())
        WHERE id = of_pipeline;
    END IF;
END
$$;
