-- Ends a started task successfully in one trip, where nothing has to be handed out or passed on for it.
--
-- Returns 0 when it was not: take the longer way (tasks.py), nothing was changed. 1: it was ended. 2: it was, and
-- tasks wait because too many run, one of which may run now. Each statement in here sees what was committed before it,
-- so what is read behind the lock of the pipeline's row is the truth: two tasks that end at once can't both take the
-- other for unfinished.
CREATE OR REPLACE FUNCTION eventlane_succeed_task(task_id text, task_run bigint, of_pipeline text)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    pipeline record;
    rest record;
BEGIN
    SELECT status, aborted, retention, definition_id IS NOT NULL AND NOT concurrent AS takes_turns
    INTO pipeline FROM projects_pipeline WHERE id = of_pipeline FOR UPDATE;

    SELECT count(*) FILTER (WHERE status = 'created' AND NOT queued AND NOT parked) AS waiting,
           count(*) FILTER (WHERE status IN ('created', 'started')) AS unfinished,
           count(*) FILTER (WHERE status = 'failed') AS failed,
           count(*) FILTER (WHERE status = 'aborted') AS aborted
    INTO rest FROM projects_task WHERE pipeline_id = of_pipeline AND id <> task_id;

    IF pipeline.status <> 'started' OR rest.waiting > 0 OR (rest.unfinished = 0 AND pipeline.takes_turns) THEN
        RETURN 0;
    END IF;

    UPDATE projects_task SET status = 'successful', end_time = now(), worker = ''
    WHERE id = task_id AND run = task_run AND status = 'started';
    IF NOT FOUND THEN
        RETURN 0;
    END IF;

    IF rest.unfinished = 0 THEN
        UPDATE projects_pipeline
        SET end_time = now(),
            delete_time = now() + retention,
            status = CASE WHEN pipeline.aborted THEN 'aborted'
                          WHEN rest.failed > 0 THEN 'failed'
                          WHEN rest.aborted > 0 THEN 'aborted'
                          ELSE 'successful' END
        WHERE id = of_pipeline;
    END IF;
    RETURN CASE WHEN EXISTS (SELECT FROM projects_task WHERE parked) THEN 2 ELSE 1 END;
END
$$;
