--
-- PostgreSQL database dump
--


-- Dumped from database version 18.6
-- Dumped by pg_dump version 18.6

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: lake; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA lake;


--
-- Name: procrastinate_job_event_type; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.procrastinate_job_event_type AS ENUM (
    'deferred',
    'started',
    'deferred_for_retry',
    'failed',
    'succeeded',
    'cancelled',
    'abort_requested',
    'aborted',
    'scheduled',
    'retried'
);


--
-- Name: procrastinate_job_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.procrastinate_job_status AS ENUM (
    'todo',
    'doing',
    'succeeded',
    'failed',
    'cancelled',
    'aborting',
    'aborted'
);


--
-- Name: procrastinate_job_to_defer_v1; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.procrastinate_job_to_defer_v1 AS (
	queue_name character varying,
	task_name character varying,
	priority integer,
	lock text,
	queueing_lock text,
	args jsonb,
	scheduled_at timestamp with time zone
);


--
-- Name: count_directory_version(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.count_directory_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE projects_directoryversion SET version = version + 1 WHERE id = 1;
    RETURN NULL;
END $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: projects_task; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_task (
    id character varying(27) NOT NULL COLLATE pg_catalog."C",
    name character varying(250) NOT NULL,
    pipeline_task jsonb NOT NULL,
    spec jsonb NOT NULL,
    command_parameters jsonb,
    dependencies jsonb NOT NULL,
    instance_id smallint NOT NULL,
    status character varying(10) NOT NULL,
    start_time timestamp with time zone,
    end_time timestamp with time zone,
    failure_message text NOT NULL,
    retry integer NOT NULL,
    run bigint NOT NULL,
    queued boolean NOT NULL,
    parked boolean NOT NULL,
    due_time timestamp with time zone,
    heartbeat_time timestamp with time zone,
    worker character varying(200) NOT NULL,
    definition_id character varying(27) COLLATE pg_catalog."C",
    pipeline_id character varying(27) NOT NULL COLLATE pg_catalog."C",
    project_id character varying(27) NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT projects_task_instance_id_check CHECK ((instance_id >= 0)),
    CONSTRAINT projects_task_retry_check CHECK ((retry >= 0)),
    CONSTRAINT projects_task_run_check CHECK ((run >= 0))
);


--
-- Name: eventlane_claim_task(text, bigint, text, text, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.eventlane_claim_task(task_id text, task_run bigint, of_pipeline text, by_worker text, counted boolean) RETURNS SETOF public.projects_task
    LANGUAGE plpgsql
    AS $$
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


--
-- Name: eventlane_succeed_task(text, bigint, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.eventlane_succeed_task(task_id text, task_run bigint, of_pipeline text) RETURNS integer
    LANGUAGE plpgsql
    AS $$
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


--
-- Name: procrastinate_cancel_job_v1(bigint, boolean, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status = 'todo'
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        IF abort THEN
            UPDATE procrastinate_jobs
            SET abort_requested = true,
                status = CASE status
                    WHEN 'todo' THEN 'cancelled'::procrastinate_job_status ELSE status
                END
            WHERE id = job_id AND status IN ('todo', 'doing')
            RETURNING id INTO _job_id;
        ELSE
            UPDATE procrastinate_jobs
            SET status = 'cancelled'::procrastinate_job_status
            WHERE id = job_id AND status = 'todo'
            RETURNING id INTO _job_id;
        END IF;
    END IF;
    RETURN _job_id;
END;
$$;


--
-- Name: procrastinate_defer_jobs_v1(public.procrastinate_job_to_defer_v1[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_defer_jobs_v1(jobs public.procrastinate_job_to_defer_v1[]) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    job_ids bigint[];
BEGIN
    WITH inserted_jobs AS (
        INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
        SELECT (job).queue_name,
               (job).task_name,
               (job).priority,
               (job).lock,
               (job).queueing_lock,
               (job).args,
               (job).scheduled_at
        FROM unnest(jobs) AS job
        RETURNING id
    )
    SELECT array_agg(id) FROM inserted_jobs INTO job_ids;

    RETURN job_ids;
END;
$$;


--
-- Name: procrastinate_defer_periodic_job_v2(character varying, character varying, character varying, character varying, integer, character varying, bigint, jsonb); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
	_job_id bigint;
	_defer_id bigint;
BEGIN
    INSERT
        INTO procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
        VALUES (_task_name, _periodic_id, _defer_timestamp)
        ON CONFLICT DO NOTHING
        RETURNING id into _defer_id;

    IF _defer_id IS NULL THEN
        RETURN NULL;
    END IF;

    UPDATE procrastinate_periodic_defers
        SET job_id = (
            SELECT COALESCE((
                SELECT unnest(procrastinate_defer_jobs_v1(
                    ARRAY[
                        ROW(
                            _queue_name,
                            _task_name,
                            _priority,
                            _lock,
                            _queueing_lock,
                            _args,
                            NULL::timestamptz
                        )
                    ]::procrastinate_job_to_defer_v1[]
                ))
            ), NULL)
        )
        WHERE id = _defer_id
        RETURNING job_id INTO _job_id;

    DELETE
        FROM procrastinate_periodic_defers
        USING (
            SELECT id
            FROM procrastinate_periodic_defers
            WHERE procrastinate_periodic_defers.task_name = _task_name
            AND procrastinate_periodic_defers.periodic_id = _periodic_id
            AND procrastinate_periodic_defers.defer_timestamp < _defer_timestamp
            ORDER BY id
            FOR UPDATE
        ) to_delete
        WHERE procrastinate_periodic_defers.id = to_delete.id;

    RETURN _job_id;
END;
$$;


--
-- Name: procrastinate_jobs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_jobs (
    id bigint NOT NULL,
    queue_name character varying(128) NOT NULL,
    task_name character varying(128) NOT NULL,
    lock text,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    status public.procrastinate_job_status DEFAULT 'todo'::public.procrastinate_job_status NOT NULL,
    scheduled_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    queueing_lock text,
    priority integer DEFAULT 0 NOT NULL,
    abort_requested boolean DEFAULT false NOT NULL,
    worker_id bigint,
    CONSTRAINT check_not_todo_abort_requested CHECK ((NOT ((status = 'todo'::public.procrastinate_job_status) AND (abort_requested = true))))
);


--
-- Name: procrastinate_fetch_job_v2(character varying[], bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint) RETURNS public.procrastinate_jobs
    LANGUAGE plpgsql
    AS $$
DECLARE
	found_jobs procrastinate_jobs;
BEGIN
    WITH candidate AS (
        SELECT jobs.*
            FROM procrastinate_jobs AS jobs
            WHERE
                -- reject the job if its lock has earlier or higher priority jobs
                NOT EXISTS (
                    SELECT 1
                        FROM procrastinate_jobs AS other_jobs
                        WHERE
                            jobs.lock IS NOT NULL
                            AND other_jobs.lock = jobs.lock
                            AND (
                                -- job with same lock is already running
                                other_jobs.status = 'doing'
                                OR
                                -- job with same lock is waiting and has higher priority (or same priority but was queued first)
                                (
                                    other_jobs.status = 'todo'
                                    AND (
                                        other_jobs.priority > jobs.priority
                                        OR (
                                        other_jobs.priority = jobs.priority
                                        AND other_jobs.id < jobs.id
                                        )
                                    )
                                )
                            )
                )
                AND jobs.status = 'todo'
                AND (target_queue_names IS NULL OR jobs.queue_name = ANY( target_queue_names ))
                AND (jobs.scheduled_at IS NULL OR jobs.scheduled_at <= now())
            ORDER BY jobs.priority DESC, jobs.id ASC LIMIT 1
            FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE procrastinate_jobs
        SET status = 'doing', worker_id = p_worker_id
        FROM candidate
        WHERE procrastinate_jobs.id = candidate.id
        RETURNING procrastinate_jobs.* INTO found_jobs;

 RETURN found_jobs;
END;
$$;


--
-- Name: procrastinate_finish_job_v1(bigint, public.procrastinate_job_status, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_finish_job_v1(job_id bigint, end_status public.procrastinate_job_status, delete_job boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF end_status NOT IN ('succeeded', 'failed', 'aborted') THEN
        RAISE 'End status should be either "succeeded", "failed" or "aborted" (job id: %)', job_id;
    END IF;
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = end_status,
            abort_requested = false,
            attempts = CASE status
                WHEN 'doing' THEN attempts + 1 ELSE attempts
            END
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" or "todo" status (job id: %)', job_id;
    END IF;
END;
$$;


--
-- Name: procrastinate_notify_queue_abort_job_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_notify_queue_abort_job_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'abort_job_requested', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_notify_queue_job_inserted_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_notify_queue_job_inserted_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'job_inserted', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_prune_stalled_workers_v1(double precision); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision) RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    DELETE FROM procrastinate_workers
    WHERE last_heartbeat < NOW() - (seconds_since_heartbeat || 'SECOND')::INTERVAL
    RETURNING procrastinate_workers.id;
END;
$$;


--
-- Name: procrastinate_register_worker_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_register_worker_v1() RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    INSERT INTO procrastinate_workers DEFAULT VALUES
    RETURNING procrastinate_workers.id;
END;
$$;


--
-- Name: procrastinate_retry_job_v1(bigint, timestamp with time zone, integer, character varying, character varying); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
BEGIN
    SELECT abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status = 'doing'
    FOR UPDATE
    INTO _abort_requested;
    IF _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" status (job id: %)', job_id;
    END IF;
END;
$$;


--
-- Name: procrastinate_retry_job_v2(bigint, timestamp with time zone, integer, character varying, character varying); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
    _current_status procrastinate_job_status;
BEGIN
    SELECT status, abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status IN ('doing', 'failed')
    FOR UPDATE
    INTO _current_status, _abort_requested;
    IF _current_status = 'doing' AND _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status IN ('doing', 'failed')
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or has an invalid status to retry (job id: %)', job_id;
    END IF;

END;
$$;


--
-- Name: procrastinate_trigger_abort_requested_events_procedure_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'abort_requested'::procrastinate_job_event_type);
    RETURN NEW;
END;
$$;


--
-- Name: procrastinate_trigger_function_scheduled_events_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type, at)
        VALUES (NEW.id, 'scheduled'::procrastinate_job_event_type, NEW.scheduled_at);

	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_trigger_function_status_events_insert_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'deferred'::procrastinate_job_event_type);
	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_trigger_function_status_events_update_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_function_status_events_update_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    WITH t AS (
        SELECT CASE
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND NEW.status = 'doing'::procrastinate_job_status
                THEN 'started'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'deferred_for_retry'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'failed'::procrastinate_job_status
                THEN 'failed'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'succeeded'::procrastinate_job_status
                THEN 'succeeded'::procrastinate_job_event_type
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND (
                    NEW.status = 'cancelled'::procrastinate_job_status
                    OR NEW.status = 'failed'::procrastinate_job_status
                    OR NEW.status = 'succeeded'::procrastinate_job_status
                )
                THEN 'cancelled'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'aborted'::procrastinate_job_status
                THEN 'aborted'::procrastinate_job_event_type
            WHEN OLD.status = 'failed'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'retried'::procrastinate_job_event_type
            ELSE NULL
        END as event_type
    )
    INSERT INTO procrastinate_events(job_id, type)
        SELECT NEW.id, t.event_type
        FROM t
        WHERE t.event_type IS NOT NULL;
	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_unlink_periodic_defers_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_unlink_periodic_defers_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_periodic_defers
    SET job_id = NULL
    WHERE job_id = OLD.id;
    RETURN OLD;
END;
$$;


--
-- Name: procrastinate_unregister_worker_v1(bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_unregister_worker_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM procrastinate_workers
    WHERE id = worker_id;
END;
$$;


--
-- Name: procrastinate_update_heartbeat_v1(bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_update_heartbeat_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_workers
    SET last_heartbeat = NOW()
    WHERE id = worker_id;
END;
$$;


--
-- Name: ducklake_column; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_column (
    column_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    table_id bigint,
    column_order bigint,
    column_name character varying,
    column_type character varying,
    initial_default character varying,
    default_value character varying,
    nulls_allowed boolean,
    parent_column bigint,
    default_value_type character varying,
    default_value_dialect character varying
);


--
-- Name: ducklake_column_mapping; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_column_mapping (
    mapping_id bigint,
    table_id bigint,
    type character varying
);


--
-- Name: ducklake_column_tag; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_column_tag (
    table_id bigint,
    column_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    key character varying,
    value character varying
);


--
-- Name: ducklake_data_file; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_data_file (
    data_file_id bigint NOT NULL,
    table_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    file_order bigint,
    path character varying,
    path_is_relative boolean,
    file_format character varying,
    record_count bigint,
    file_size_bytes bigint,
    footer_size bigint,
    row_id_start bigint,
    partition_id bigint,
    encryption_key character varying,
    mapping_id bigint,
    partial_max bigint
);


--
-- Name: ducklake_delete_file; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_delete_file (
    delete_file_id bigint NOT NULL,
    table_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    data_file_id bigint,
    path character varying,
    path_is_relative boolean,
    format character varying,
    delete_count bigint,
    file_size_bytes bigint,
    footer_size bigint,
    encryption_key character varying,
    partial_max bigint
);


--
-- Name: ducklake_file_column_stats; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_file_column_stats (
    data_file_id bigint,
    table_id bigint,
    column_id bigint,
    column_size_bytes bigint,
    value_count bigint,
    null_count bigint,
    min_value character varying,
    max_value character varying,
    contains_nan boolean,
    extra_stats character varying
);


--
-- Name: ducklake_file_partition_value; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_file_partition_value (
    data_file_id bigint,
    table_id bigint,
    partition_key_index bigint,
    partition_value character varying
);


--
-- Name: ducklake_file_variant_stats; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_file_variant_stats (
    data_file_id bigint,
    table_id bigint,
    column_id bigint,
    variant_path character varying,
    shredded_type character varying,
    column_size_bytes bigint,
    value_count bigint,
    null_count bigint,
    min_value character varying,
    max_value character varying,
    contains_nan boolean,
    extra_stats character varying
);


--
-- Name: ducklake_files_scheduled_for_deletion; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_files_scheduled_for_deletion (
    data_file_id bigint,
    path character varying,
    path_is_relative boolean,
    schedule_start timestamp with time zone
);


--
-- Name: ducklake_inlined_data_1_1; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_inlined_data_1_1 (
    row_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    id uuid,
    received_time character varying,
    quarantined_time character varying,
    dataset_id bytea,
    namespace bytea,
    service bytea,
    reason bytea,
    event bytea
);


--
-- Name: ducklake_inlined_data_2_1; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_inlined_data_2_1 (
    row_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    name bytea,
    node bytea,
    sealed_time character varying,
    events bigint,
    bytes bigint
);


--
-- Name: ducklake_inlined_data_3_2; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_inlined_data_3_2 (
    row_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    id uuid,
    received_time character varying,
    event_time character varying,
    namespace bytea,
    service bytea,
    level bytea,
    message bytea,
    request_id bytea,
    trace_id bytea,
    duration double precision,
    error bytea,
    event bytea
);


--
-- Name: ducklake_inlined_data_tables; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_inlined_data_tables (
    table_id bigint,
    table_name character varying,
    schema_version bigint
);


--
-- Name: ducklake_macro; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_macro (
    schema_id bigint,
    macro_id bigint,
    macro_name character varying,
    begin_snapshot bigint,
    end_snapshot bigint
);


--
-- Name: ducklake_macro_impl; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_macro_impl (
    macro_id bigint,
    impl_id bigint,
    dialect character varying,
    sql character varying,
    type character varying
);


--
-- Name: ducklake_macro_parameters; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_macro_parameters (
    macro_id bigint,
    impl_id bigint,
    column_id bigint,
    parameter_name character varying,
    parameter_type character varying,
    default_value character varying,
    default_value_type character varying
);


--
-- Name: ducklake_metadata; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_metadata (
    key character varying NOT NULL,
    value character varying NOT NULL,
    scope character varying,
    scope_id bigint
);


--
-- Name: ducklake_name_mapping; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_name_mapping (
    mapping_id bigint,
    column_id bigint,
    source_name character varying,
    target_field_id bigint,
    parent_column bigint,
    is_partition boolean
);


--
-- Name: ducklake_partition_column; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_partition_column (
    partition_id bigint,
    table_id bigint,
    partition_key_index bigint,
    column_id bigint,
    transform character varying
);


--
-- Name: ducklake_partition_info; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_partition_info (
    partition_id bigint,
    table_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint
);


--
-- Name: ducklake_schema; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_schema (
    schema_id bigint NOT NULL,
    schema_uuid uuid,
    begin_snapshot bigint,
    end_snapshot bigint,
    schema_name character varying,
    path character varying,
    path_is_relative boolean
);


--
-- Name: ducklake_schema_versions; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_schema_versions (
    begin_snapshot bigint,
    schema_version bigint,
    table_id bigint
);


--
-- Name: ducklake_snapshot; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_snapshot (
    snapshot_id bigint NOT NULL,
    snapshot_time timestamp with time zone,
    schema_version bigint,
    next_catalog_id bigint,
    next_file_id bigint
);


--
-- Name: ducklake_snapshot_changes; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_snapshot_changes (
    snapshot_id bigint NOT NULL,
    changes_made character varying,
    author character varying,
    commit_message character varying,
    commit_extra_info character varying
);


--
-- Name: ducklake_sort_expression; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_sort_expression (
    sort_id bigint,
    table_id bigint,
    sort_key_index bigint,
    expression character varying,
    dialect character varying,
    sort_direction character varying,
    null_order character varying
);


--
-- Name: ducklake_sort_info; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_sort_info (
    sort_id bigint,
    table_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint
);


--
-- Name: ducklake_table; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_table (
    table_id bigint,
    table_uuid uuid,
    begin_snapshot bigint,
    end_snapshot bigint,
    schema_id bigint,
    table_name character varying,
    path character varying,
    path_is_relative boolean
);


--
-- Name: ducklake_table_column_stats; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_table_column_stats (
    table_id bigint,
    column_id bigint,
    contains_null boolean,
    contains_nan boolean,
    min_value character varying,
    max_value character varying,
    extra_stats character varying
);


--
-- Name: ducklake_table_stats; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_table_stats (
    table_id bigint,
    record_count bigint,
    next_row_id bigint,
    file_size_bytes bigint
);


--
-- Name: ducklake_tag; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_tag (
    object_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    key character varying,
    value character varying
);


--
-- Name: ducklake_view; Type: TABLE; Schema: lake; Owner: -
--

CREATE TABLE lake.ducklake_view (
    view_id bigint,
    view_uuid uuid,
    begin_snapshot bigint,
    end_snapshot bigint,
    schema_id bigint,
    view_name character varying,
    dialect character varying,
    sql character varying,
    column_aliases character varying
);


--
-- Name: auth_group; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.auth_group (
    id integer NOT NULL,
    name character varying(150) NOT NULL
);


--
-- Name: auth_group_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.auth_group ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_group_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: auth_group_permissions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.auth_group_permissions (
    id bigint NOT NULL,
    group_id integer NOT NULL,
    permission_id integer NOT NULL
);


--
-- Name: auth_group_permissions_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.auth_group_permissions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_group_permissions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: auth_permission; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.auth_permission (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    content_type_id integer NOT NULL,
    codename character varying(100) NOT NULL
);


--
-- Name: auth_permission_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.auth_permission ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_permission_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: django_admin_log; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.django_admin_log (
    id integer NOT NULL,
    action_time timestamp with time zone NOT NULL,
    object_id text,
    object_repr character varying(200) NOT NULL,
    action_flag smallint NOT NULL,
    change_message text NOT NULL,
    content_type_id integer,
    user_id character varying(27) NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT django_admin_log_action_flag_check CHECK ((action_flag >= 0))
);


--
-- Name: django_admin_log_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.django_admin_log ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_admin_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: django_content_type; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.django_content_type (
    id integer NOT NULL,
    app_label character varying(100) NOT NULL,
    model character varying(100) NOT NULL
);


--
-- Name: django_content_type_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.django_content_type ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_content_type_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: django_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.django_migrations (
    id bigint NOT NULL,
    app character varying(255) NOT NULL,
    name character varying(255) NOT NULL,
    applied timestamp with time zone NOT NULL
);


--
-- Name: django_migrations_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.django_migrations ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_migrations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: django_session; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.django_session (
    session_key character varying(40) NOT NULL,
    session_data text NOT NULL,
    expire_date timestamp with time zone NOT NULL
);


--
-- Name: events_dataset; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events_dataset (
    id character varying(27) NOT NULL COLLATE pg_catalog."C",
    name character varying(100) NOT NULL,
    retention_days integer,
    default_namespace character varying(200) NOT NULL,
    table_name character varying(40) NOT NULL,
    creation_time timestamp with time zone NOT NULL,
    project_id character varying(27) NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT events_dataset_retention_days_check CHECK ((retention_days >= 0))
);


--
-- Name: events_droppedtable; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events_droppedtable (
    id bigint NOT NULL,
    table_name character varying(40) NOT NULL,
    creation_time timestamp with time zone NOT NULL
);


--
-- Name: events_droppedtable_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.events_droppedtable ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.events_droppedtable_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: events_journalprogress; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events_journalprogress (
    file_name text NOT NULL,
    node text NOT NULL,
    evaluated_bytes bigint NOT NULL,
    update_time timestamp with time zone NOT NULL,
    CONSTRAINT events_journalprogress_evaluated_bytes_check CHECK ((evaluated_bytes >= 0))
);


--
-- Name: events_namespace; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events_namespace (
    id character varying(27) NOT NULL COLLATE pg_catalog."C",
    name character varying(200) NOT NULL,
    creation_time timestamp with time zone NOT NULL,
    dataset_id character varying(27) NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: events_quarantinecount; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events_quarantinecount (
    dataset_id character varying(27) NOT NULL,
    entries bigint NOT NULL,
    latest_time timestamp with time zone NOT NULL,
    latest_reason text NOT NULL,
    CONSTRAINT events_quarantinecount_entries_check CHECK ((entries >= 0))
);


--
-- Name: events_receivedcount; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events_receivedcount (
    id bigint NOT NULL,
    file_name text NOT NULL,
    dataset_id character varying(27) NOT NULL,
    minute timestamp with time zone NOT NULL,
    events bigint NOT NULL,
    CONSTRAINT events_receivedcount_events_check CHECK ((events >= 0))
);


--
-- Name: events_receivedcount_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.events_receivedcount ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.events_receivedcount_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: events_sealertrouble; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events_sealertrouble (
    id bigint NOT NULL,
    node text NOT NULL,
    file_name text NOT NULL,
    start_time timestamp with time zone NOT NULL,
    latest_time timestamp with time zone NOT NULL,
    end_time timestamp with time zone,
    error text NOT NULL
);


--
-- Name: events_sealertrouble_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.events_sealertrouble ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.events_sealertrouble_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: events_triggermatch; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events_triggermatch (
    id bigint NOT NULL,
    trigger_id character varying(27) NOT NULL,
    dataset character varying(100) NOT NULL,
    event_time timestamp with time zone NOT NULL,
    event bytea NOT NULL,
    failures smallint NOT NULL,
    due_time timestamp with time zone NOT NULL,
    CONSTRAINT events_triggermatch_failures_check CHECK ((failures >= 0))
);


--
-- Name: events_triggermatch_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.events_triggermatch ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.events_triggermatch_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: procrastinate_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_events (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    type public.procrastinate_job_event_type,
    at timestamp with time zone DEFAULT now()
);


--
-- Name: procrastinate_events_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.procrastinate_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: procrastinate_events_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.procrastinate_events_id_seq OWNED BY public.procrastinate_events.id;


--
-- Name: procrastinate_jobs_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.procrastinate_jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: procrastinate_jobs_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.procrastinate_jobs_id_seq OWNED BY public.procrastinate_jobs.id;


--
-- Name: procrastinate_periodic_defers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_periodic_defers (
    id bigint NOT NULL,
    task_name character varying(128) NOT NULL,
    defer_timestamp bigint,
    job_id bigint,
    periodic_id character varying(128) DEFAULT ''::character varying NOT NULL
);


--
-- Name: procrastinate_periodic_defers_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.procrastinate_periodic_defers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: procrastinate_periodic_defers_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.procrastinate_periodic_defers_id_seq OWNED BY public.procrastinate_periodic_defers.id;


--
-- Name: procrastinate_workers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_workers (
    id bigint NOT NULL,
    last_heartbeat timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: procrastinate_workers_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.procrastinate_workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.procrastinate_workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: projects_account; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_account (
    password character varying(128) NOT NULL,
    last_login timestamp with time zone,
    id character varying(27) NOT NULL COLLATE pg_catalog."C",
    email character varying(200) NOT NULL,
    name character varying(50) NOT NULL,
    role character varying(10) NOT NULL,
    creation_time timestamp with time zone NOT NULL,
    disabled boolean NOT NULL,
    organization_id character varying(27) NOT NULL COLLATE pg_catalog."C",
    last_project_id character varying(27) COLLATE pg_catalog."C",
    settings jsonb NOT NULL,
    password_link_mark character varying(32) DEFAULT ''::character varying NOT NULL
);


--
-- Name: projects_apikey; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_apikey (
    id character varying(27) NOT NULL COLLATE pg_catalog."C",
    name character varying(100) NOT NULL,
    prefix character varying(16) NOT NULL,
    digest character varying(64) NOT NULL,
    ingest boolean NOT NULL,
    read boolean NOT NULL,
    write boolean NOT NULL,
    creation_time timestamp with time zone NOT NULL,
    expiration_time timestamp with time zone,
    revocation_time timestamp with time zone,
    last_use_time timestamp with time zone,
    account_id character varying(27) NOT NULL COLLATE pg_catalog."C",
    replaced_by_id character varying(27) COLLATE pg_catalog."C",
    organization_id character varying(27) NOT NULL COLLATE pg_catalog."C",
    project_id character varying(27) COLLATE pg_catalog."C",
    created_by_key_id character varying(27) COLLATE pg_catalog."C",
    deploy boolean DEFAULT false NOT NULL,
    CONSTRAINT api_key_has_a_right CHECK ((ingest OR read OR write OR deploy)),
    CONSTRAINT ingest_key_has_project CHECK (((NOT ingest) OR (project_id IS NOT NULL)))
);


--
-- Name: projects_commandexecution; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_commandexecution (
    id character varying(27) NOT NULL COLLATE pg_catalog."C",
    execution_time timestamp with time zone NOT NULL,
    command_id character varying(27) NOT NULL COLLATE pg_catalog."C",
    parameters jsonb NOT NULL,
    pipeline_ids jsonb NOT NULL,
    executor_id character varying(27) COLLATE pg_catalog."C",
    project_id character varying(27) NOT NULL COLLATE pg_catalog."C",
    event_id character varying(27) NOT NULL COLLATE pg_catalog."C",
    executor_name character varying(200) DEFAULT ''::character varying NOT NULL
);


--
-- Name: projects_directoryversion; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_directoryversion (
    id bigint NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT directory_version_one_row CHECK ((id = 1))
);


--
-- Name: projects_directoryversion_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.projects_directoryversion ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.projects_directoryversion_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: projects_hook; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_hook (
    id character varying(27) NOT NULL COLLATE pg_catalog."C",
    connector character varying(100) NOT NULL,
    digest character varying(64) NOT NULL,
    encrypted_token bytea NOT NULL,
    encrypted_secret bytea,
    creation_time timestamp with time zone NOT NULL,
    last_use_time timestamp with time zone,
    project_id character varying(27) NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: projects_hookdelivery; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_hookdelivery (
    id bigint NOT NULL,
    delivery_id character varying(100) NOT NULL,
    creation_time timestamp with time zone NOT NULL,
    hook_id character varying(27) NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: projects_hookdelivery_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.projects_hookdelivery ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.projects_hookdelivery_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: projects_identity; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_identity (
    id character varying(27) NOT NULL COLLATE pg_catalog."C",
    name character varying(100) NOT NULL,
    connector character varying(100) NOT NULL,
    type character varying(100) NOT NULL,
    encrypted_data bytea NOT NULL,
    creation_time timestamp with time zone NOT NULL,
    update_time timestamp with time zone NOT NULL,
    last_use_time timestamp with time zone,
    project_id character varying(27) NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: projects_installation; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_installation (
    id character varying(27) NOT NULL,
    "row" smallint NOT NULL,
    CONSTRAINT installation_one_row CHECK (("row" = 1)),
    CONSTRAINT projects_installation_row_check CHECK (("row" >= 0))
);


--
-- Name: projects_loginfailure; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_loginfailure (
    id bigint NOT NULL,
    account character varying(64) NOT NULL,
    address character varying(64) NOT NULL,
    "time" timestamp with time zone NOT NULL
);


--
-- Name: projects_loginfailure_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.projects_loginfailure ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.projects_loginfailure_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: projects_node; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_node (
    name text NOT NULL,
    host text NOT NULL,
    home text NOT NULL
);


--
-- Name: projects_organization; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_organization (
    id character varying(27) NOT NULL COLLATE pg_catalog."C",
    name character varying(100) NOT NULL,
    creation_time timestamp with time zone NOT NULL,
    disabled boolean NOT NULL,
    address character varying(200) NOT NULL,
    city character varying(100) NOT NULL,
    contact_email_address character varying(200) NOT NULL,
    country character varying(100) NOT NULL,
    non_essential_mail_opt_in boolean NOT NULL,
    postal_code character varying(20) NOT NULL,
    vat_id_number character varying(50) NOT NULL
);


--
-- Name: projects_pipeline; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_pipeline (
    id character varying(27) NOT NULL COLLATE pg_catalog."C",
    name character varying(100) NOT NULL,
    spec jsonb NOT NULL,
    trigger_id character varying(27) COLLATE pg_catalog."C",
    command_id character varying(27) COLLATE pg_catalog."C",
    command_environment jsonb NOT NULL,
    event_time timestamp with time zone NOT NULL,
    creation_time timestamp with time zone NOT NULL,
    concurrent boolean NOT NULL,
    status character varying(10) NOT NULL,
    start_time timestamp with time zone,
    end_time timestamp with time zone,
    released boolean NOT NULL,
    aborted boolean NOT NULL,
    retention interval,
    delete_time timestamp with time zone,
    project_id character varying(27) NOT NULL COLLATE pg_catalog."C",
    event_id character varying(27) NOT NULL COLLATE pg_catalog."C",
    definition_id character varying(27) COLLATE pg_catalog."C"
);


--
-- Name: projects_platformevent; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_platformevent (
    id character varying(27) NOT NULL COLLATE pg_catalog."C",
    trigger_id character varying(27) COLLATE pg_catalog."C",
    command_id character varying(27) COLLATE pg_catalog."C",
    creation_time timestamp with time zone NOT NULL,
    event_time timestamp with time zone NOT NULL,
    connector character varying(100) NOT NULL,
    name character varying(200) NOT NULL,
    data jsonb NOT NULL,
    processed boolean NOT NULL,
    original_event_id character varying(27) COLLATE pg_catalog."C",
    project_id character varying(27) NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: projects_project; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_project (
    id character varying(27) NOT NULL COLLATE pg_catalog."C",
    name character varying(100) NOT NULL,
    creation_time timestamp with time zone NOT NULL,
    create_datasets boolean NOT NULL,
    organization_id character varying(27) NOT NULL COLLATE pg_catalog."C",
    code_header text NOT NULL,
    local_runtime boolean NOT NULL,
    max_running_tasks integer,
    CONSTRAINT projects_project_max_running_tasks_check CHECK ((max_running_tasks >= 0))
);


--
-- Name: projects_resource; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_resource (
    id character varying(27) NOT NULL COLLATE pg_catalog."C",
    type character varying(10) NOT NULL,
    name character varying(100) NOT NULL,
    disabled boolean NOT NULL,
    creation_time timestamp with time zone NOT NULL,
    update_time timestamp with time zone NOT NULL,
    spec jsonb NOT NULL,
    project_id character varying(27) NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: projects_scratchpadentry; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_scratchpadentry (
    id bigint NOT NULL,
    key character varying(255) NOT NULL,
    value text NOT NULL,
    pipeline_id character varying(27) NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: projects_scratchpadentry_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.projects_scratchpadentry ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.projects_scratchpadentry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: projects_subscription; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_subscription (
    trigger_id character varying(27) NOT NULL COLLATE pg_catalog."C",
    connector character varying(100) NOT NULL,
    event character varying(200) NOT NULL,
    parameters jsonb NOT NULL,
    identity character varying(100) NOT NULL,
    creation_time timestamp with time zone NOT NULL,
    next_tick_time timestamp with time zone,
    window_start_time timestamp with time zone,
    window_events integer NOT NULL,
    suppressed_events bigint NOT NULL,
    project_id character varying(27) NOT NULL COLLATE pg_catalog."C",
    dropped_events bigint DEFAULT 0 NOT NULL,
    drop_time timestamp with time zone,
    CONSTRAINT projects_subscription_dropped_events_check CHECK ((dropped_events >= 0)),
    CONSTRAINT projects_subscription_suppressed_events_check CHECK ((suppressed_events >= 0)),
    CONSTRAINT projects_subscription_window_events_check CHECK ((window_events >= 0))
);


--
-- Name: projects_taskstep; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects_taskstep (
    id bigint NOT NULL,
    "position" smallint NOT NULL,
    label character varying(100) NOT NULL,
    start_time timestamp with time zone NOT NULL,
    end_time timestamp with time zone,
    exit_code integer,
    output text NOT NULL,
    output_bytes bigint NOT NULL,
    truncated boolean NOT NULL,
    task_id character varying(27) NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT projects_taskstep_output_bytes_check CHECK ((output_bytes >= 0)),
    CONSTRAINT projects_taskstep_position_check CHECK (("position" >= 0))
);


--
-- Name: projects_taskstep_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.projects_taskstep ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.projects_taskstep_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: procrastinate_events id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_events ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_events_id_seq'::regclass);


--
-- Name: procrastinate_jobs id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_jobs ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_jobs_id_seq'::regclass);


--
-- Name: procrastinate_periodic_defers id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_periodic_defers_id_seq'::regclass);


--
-- Data for Name: ducklake_column; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_column (column_id, begin_snapshot, end_snapshot, table_id, column_order, column_name, column_type, initial_default, default_value, nulls_allowed, parent_column, default_value_type, default_value_dialect) FROM stdin;
1	1	\N	1	1	id	uuid	\N	NULL	t	\N	literal	duckdb
2	1	\N	1	2	received_time	timestamptz	\N	NULL	t	\N	literal	duckdb
3	1	\N	1	3	quarantined_time	timestamptz	\N	NULL	t	\N	literal	duckdb
4	1	\N	1	4	dataset_id	varchar	\N	NULL	t	\N	literal	duckdb
5	1	\N	1	5	namespace	varchar	\N	NULL	t	\N	literal	duckdb
6	1	\N	1	6	service	varchar	\N	NULL	t	\N	literal	duckdb
7	1	\N	1	7	reason	varchar	\N	NULL	t	\N	literal	duckdb
8	1	\N	1	8	event	blob	\N	NULL	t	\N	literal	duckdb
1	1	\N	2	1	name	varchar	\N	NULL	t	\N	literal	duckdb
2	1	\N	2	2	node	varchar	\N	NULL	t	\N	literal	duckdb
3	1	\N	2	3	sealed_time	timestamptz	\N	NULL	t	\N	literal	duckdb
4	1	\N	2	4	events	int64	\N	NULL	t	\N	literal	duckdb
5	1	\N	2	5	bytes	int64	\N	NULL	t	\N	literal	duckdb
1	2	\N	3	1	id	uuid	\N	NULL	t	\N	literal	duckdb
2	2	\N	3	2	received_time	timestamptz	\N	NULL	t	\N	literal	duckdb
3	2	\N	3	3	event_time	timestamptz	\N	NULL	t	\N	literal	duckdb
4	2	\N	3	4	namespace	varchar	\N	NULL	t	\N	literal	duckdb
5	2	\N	3	5	service	varchar	\N	NULL	t	\N	literal	duckdb
6	2	\N	3	6	level	varchar	\N	NULL	t	\N	literal	duckdb
7	2	\N	3	7	message	varchar	\N	NULL	t	\N	literal	duckdb
8	2	\N	3	8	request_id	varchar	\N	NULL	t	\N	literal	duckdb
9	2	\N	3	9	trace_id	varchar	\N	NULL	t	\N	literal	duckdb
10	2	\N	3	10	duration	float64	\N	NULL	t	\N	literal	duckdb
11	2	\N	3	11	error	varchar	\N	NULL	t	\N	literal	duckdb
12	2	\N	3	12	event	varchar	\N	NULL	t	\N	literal	duckdb
\.


--
-- Data for Name: ducklake_column_mapping; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_column_mapping (mapping_id, table_id, type) FROM stdin;
\.


--
-- Data for Name: ducklake_column_tag; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_column_tag (table_id, column_id, begin_snapshot, end_snapshot, key, value) FROM stdin;
\.


--
-- Data for Name: ducklake_data_file; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_data_file (data_file_id, table_id, begin_snapshot, end_snapshot, file_order, path, path_is_relative, file_format, record_count, file_size_bytes, footer_size, row_id_start, partition_id, encryption_key, mapping_id, partial_max) FROM stdin;
\.


--
-- Data for Name: ducklake_delete_file; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_delete_file (delete_file_id, table_id, begin_snapshot, end_snapshot, data_file_id, path, path_is_relative, format, delete_count, file_size_bytes, footer_size, encryption_key, partial_max) FROM stdin;
\.


--
-- Data for Name: ducklake_file_column_stats; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_file_column_stats (data_file_id, table_id, column_id, column_size_bytes, value_count, null_count, min_value, max_value, contains_nan, extra_stats) FROM stdin;
\.


--
-- Data for Name: ducklake_file_partition_value; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_file_partition_value (data_file_id, table_id, partition_key_index, partition_value) FROM stdin;
\.


--
-- Data for Name: ducklake_file_variant_stats; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_file_variant_stats (data_file_id, table_id, column_id, variant_path, shredded_type, column_size_bytes, value_count, null_count, min_value, max_value, contains_nan, extra_stats) FROM stdin;
\.


--
-- Data for Name: ducklake_files_scheduled_for_deletion; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_files_scheduled_for_deletion (data_file_id, path, path_is_relative, schedule_start) FROM stdin;
\.


--
-- Data for Name: ducklake_inlined_data_1_1; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_inlined_data_1_1 (row_id, begin_snapshot, end_snapshot, id, received_time, quarantined_time, dataset_id, namespace, service, reason, event) FROM stdin;
\.


--
-- Data for Name: ducklake_inlined_data_2_1; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_inlined_data_2_1 (row_id, begin_snapshot, end_snapshot, name, node, sealed_time, events, bytes) FROM stdin;
0	2	\N	\\x766d2d3835653736352d3031613231633036666431353737653462396530373632373261343030303030	\\x766d2d383565373635	2026-11-27 08:02:33.586725+00	2	169
\.


--
-- Data for Name: ducklake_inlined_data_3_2; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_inlined_data_3_2 (row_id, begin_snapshot, end_snapshot, id, received_time, event_time, namespace, service, level, message, request_id, trace_id, duration, error, event) FROM stdin;
0	2	\N	01a21c06-fd15-70b4-bfbb-7c0a43c00000	2026-11-27 08:02:29.781044+00	2026-11-27 08:02:29.781044+00	\\x64656d6f	\N	\\x6572726f72	\\x646f776e	\N	\N	\N	\N	\\x7b226c6576656c223a20226572726f72222c20226d657373616765223a2022646f776e227d
1	2	\N	01a21c06-fd15-70b4-bfbb-7c0a43c00001	2026-11-27 08:02:29.781044+00	2026-11-27 08:02:29.781044+00	\\x64656d6f	\N	\N	\\x7570	\N	\N	\N	\N	\\x7b226d657373616765223a20227570227d
\.


--
-- Data for Name: ducklake_inlined_data_tables; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_inlined_data_tables (table_id, table_name, schema_version) FROM stdin;
1	ducklake_inlined_data_1_1	1
2	ducklake_inlined_data_2_1	1
3	ducklake_inlined_data_3_2	2
\.


--
-- Data for Name: ducklake_macro; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_macro (schema_id, macro_id, macro_name, begin_snapshot, end_snapshot) FROM stdin;
\.


--
-- Data for Name: ducklake_macro_impl; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_macro_impl (macro_id, impl_id, dialect, sql, type) FROM stdin;
\.


--
-- Data for Name: ducklake_macro_parameters; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_macro_parameters (macro_id, impl_id, column_id, parameter_name, parameter_type, default_value, default_value_type) FROM stdin;
\.


--
-- Data for Name: ducklake_metadata; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_metadata (key, value, scope, scope_id) FROM stdin;
version	1.0	\N	\N
created_by	DuckDB d8cdaa33fd	\N	\N
data_path	/tmp/eventlane-test-q8p_ygyq/lake/	\N	\N
encrypted	false	\N	\N
parquet_compression	zstd	\N	\N
\.


--
-- Data for Name: ducklake_name_mapping; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_name_mapping (mapping_id, column_id, source_name, target_field_id, parent_column, is_partition) FROM stdin;
\.


--
-- Data for Name: ducklake_partition_column; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_partition_column (partition_id, table_id, partition_key_index, column_id, transform) FROM stdin;
\.


--
-- Data for Name: ducklake_partition_info; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_partition_info (partition_id, table_id, begin_snapshot, end_snapshot) FROM stdin;
\.


--
-- Data for Name: ducklake_schema; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_schema (schema_id, schema_uuid, begin_snapshot, end_snapshot, schema_name, path, path_is_relative) FROM stdin;
0	c1880d66-b089-4aa6-ab2e-4c50a95698b4	0	\N	main	main/	t
\.


--
-- Data for Name: ducklake_schema_versions; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_schema_versions (begin_snapshot, schema_version, table_id) FROM stdin;
1	1	1
1	1	2
2	2	3
\.


--
-- Data for Name: ducklake_snapshot; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_snapshot (snapshot_id, snapshot_time, schema_version, next_catalog_id, next_file_id) FROM stdin;
0	2026-11-27 08:02:32.390924+00	0	1	0
1	2026-11-27 08:02:33.20289+00	1	3	0
2	2026-11-27 08:02:33.598217+00	2	4	2
\.


--
-- Data for Name: ducklake_snapshot_changes; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_snapshot_changes (snapshot_id, changes_made, author, commit_message, commit_extra_info) FROM stdin;
0	created_schema:"main"	\N	\N	\N
1	created_table:"main"."sealed_files",created_table:"main"."quarantine"	\N	\N	\N
2	created_table:"main"."events_d85e51274e58dd52",inlined_insert:2,inlined_insert:3	\N	\N	\N
\.


--
-- Data for Name: ducklake_sort_expression; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_sort_expression (sort_id, table_id, sort_key_index, expression, dialect, sort_direction, null_order) FROM stdin;
\.


--
-- Data for Name: ducklake_sort_info; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_sort_info (sort_id, table_id, begin_snapshot, end_snapshot) FROM stdin;
\.


--
-- Data for Name: ducklake_table; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_table (table_id, table_uuid, begin_snapshot, end_snapshot, schema_id, table_name, path, path_is_relative) FROM stdin;
1	01a21c07-0a76-7451-a9bb-73d572d54980	1	\N	0	quarantine	quarantine/	t
2	01a21c07-0a74-7a6e-a2f1-b6fcb1de3779	1	\N	0	sealed_files	sealed_files/	t
3	01a21c07-0c46-75b2-a1b0-44e4c9c65f34	2	\N	0	events_d85e51274e58dd52	events_d85e51274e58dd52/	t
\.


--
-- Data for Name: ducklake_table_column_stats; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_table_column_stats (table_id, column_id, contains_null, contains_nan, min_value, max_value, extra_stats) FROM stdin;
2	1	f	\N	node-1-01a21c06fd1577e4b9e076272a400000	node-1-01a21c06fd1577e4b9e076272a400000	\N
2	2	f	\N	node-1	node-1	\N
2	3	f	\N	2026-11-27 08:02:33.586725+00	2026-11-27 08:02:33.586725+00	\N
2	4	f	\N	2	2	\N
2	5	f	\N	169	169	\N
3	1	f	\N	01a21c06-fd15-70b4-bfbb-7c0a43c00000	01a21c06-fd15-70b4-bfbb-7c0a43c00001	\N
3	2	f	\N	2026-11-27 08:02:29.781044+00	2026-11-27 08:02:29.781044+00	\N
3	3	f	\N	2026-11-27 08:02:29.781044+00	2026-11-27 08:02:29.781044+00	\N
3	4	f	\N	demo	demo	\N
3	5	t	\N	\N	\N	\N
3	6	t	\N	error	error	\N
3	7	f	\N	down	up	\N
3	8	t	\N	\N	\N	\N
3	9	t	\N	\N	\N	\N
3	10	t	\N	\N	\N	\N
3	11	t	\N	\N	\N	\N
3	12	f	\N	{"level": "error", "message": "down"}	{"message": "up"}	\N
\.


--
-- Data for Name: ducklake_table_stats; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_table_stats (table_id, record_count, next_row_id, file_size_bytes) FROM stdin;
2	1	1	0
3	2	2	0
\.


--
-- Data for Name: ducklake_tag; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_tag (object_id, begin_snapshot, end_snapshot, key, value) FROM stdin;
\.


--
-- Data for Name: ducklake_view; Type: TABLE DATA; Schema: lake; Owner: -
--

COPY lake.ducklake_view (view_id, view_uuid, begin_snapshot, end_snapshot, schema_id, view_name, dialect, sql, column_aliases) FROM stdin;
\.


--
-- Data for Name: auth_group; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.auth_group (id, name) FROM stdin;
\.


--
-- Data for Name: auth_group_permissions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.auth_group_permissions (id, group_id, permission_id) FROM stdin;
\.


--
-- Data for Name: auth_permission; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.auth_permission (id, name, content_type_id, codename) FROM stdin;
1	Can add log entry	1	add_logentry
2	Can change log entry	1	change_logentry
3	Can delete log entry	1	delete_logentry
4	Can view log entry	1	view_logentry
5	Can add permission	2	add_permission
6	Can change permission	2	change_permission
7	Can delete permission	2	delete_permission
8	Can view permission	2	view_permission
9	Can add group	3	add_group
10	Can change group	3	change_group
11	Can delete group	3	delete_group
12	Can view group	3	view_group
13	Can add content type	4	add_contenttype
14	Can change content type	4	change_contenttype
15	Can delete content type	4	delete_contenttype
16	Can view content type	4	view_contenttype
17	Can add session	5	add_session
18	Can change session	5	change_session
19	Can delete session	5	delete_session
20	Can view session	5	view_session
21	Can add procrastinate event	6	add_procrastinateevent
22	Can change procrastinate event	6	change_procrastinateevent
23	Can delete procrastinate event	6	delete_procrastinateevent
24	Can view procrastinate event	6	view_procrastinateevent
25	Can add procrastinate job	7	add_procrastinatejob
26	Can change procrastinate job	7	change_procrastinatejob
27	Can delete procrastinate job	7	delete_procrastinatejob
28	Can view procrastinate job	7	view_procrastinatejob
29	Can add procrastinate periodic defer	8	add_procrastinateperiodicdefer
30	Can change procrastinate periodic defer	8	change_procrastinateperiodicdefer
31	Can delete procrastinate periodic defer	8	delete_procrastinateperiodicdefer
32	Can view procrastinate periodic defer	8	view_procrastinateperiodicdefer
33	Can add procrastinate worker	9	add_procrastinateworker
34	Can change procrastinate worker	9	change_procrastinateworker
35	Can delete procrastinate worker	9	delete_procrastinateworker
36	Can view procrastinate worker	9	view_procrastinateworker
37	Can add organization	10	add_organization
38	Can change organization	10	change_organization
39	Can delete organization	10	delete_organization
40	Can view organization	10	view_organization
41	Can add directory version	11	add_directoryversion
42	Can change directory version	11	change_directoryversion
43	Can delete directory version	11	delete_directoryversion
44	Can view directory version	11	view_directoryversion
45	Can add account	12	add_account
46	Can change account	12	change_account
47	Can delete account	12	delete_account
48	Can view account	12	view_account
49	Can add project	13	add_project
50	Can change project	13	change_project
51	Can delete project	13	delete_project
52	Can view project	13	view_project
53	Can add API key	14	add_apikey
54	Can change API key	14	change_apikey
55	Can delete API key	14	delete_apikey
56	Can view API key	14	view_apikey
57	Can add resource	15	add_resource
58	Can change resource	15	change_resource
59	Can delete resource	15	delete_resource
60	Can view resource	15	view_resource
61	Can add hook	16	add_hook
62	Can change hook	16	change_hook
63	Can delete hook	16	delete_hook
64	Can view hook	16	view_hook
65	Can add hook delivery	17	add_hookdelivery
66	Can change hook delivery	17	change_hookdelivery
67	Can delete hook delivery	17	delete_hookdelivery
68	Can view hook delivery	17	view_hookdelivery
69	Can add identity	18	add_identity
70	Can change identity	18	change_identity
71	Can delete identity	18	delete_identity
72	Can view identity	18	view_identity
73	Can add platform event	19	add_platformevent
74	Can change platform event	19	change_platformevent
75	Can delete platform event	19	delete_platformevent
76	Can view platform event	19	view_platformevent
77	Can add command execution	20	add_commandexecution
78	Can change command execution	20	change_commandexecution
79	Can delete command execution	20	delete_commandexecution
80	Can view command execution	20	view_commandexecution
81	Can add subscription	21	add_subscription
82	Can change subscription	21	change_subscription
83	Can delete subscription	21	delete_subscription
84	Can view subscription	21	view_subscription
85	Can add pipeline	22	add_pipeline
86	Can change pipeline	22	change_pipeline
87	Can delete pipeline	22	delete_pipeline
88	Can view pipeline	22	view_pipeline
89	Can add scratchpad entry	23	add_scratchpadentry
90	Can change scratchpad entry	23	change_scratchpadentry
91	Can delete scratchpad entry	23	delete_scratchpadentry
92	Can view scratchpad entry	23	view_scratchpadentry
93	Can add task	24	add_task
94	Can change task	24	change_task
95	Can delete task	24	delete_task
96	Can view task	24	view_task
97	Can add task step	25	add_taskstep
98	Can change task step	25	change_taskstep
99	Can delete task step	25	delete_taskstep
100	Can view task step	25	view_taskstep
101	Can add command	26	add_command
102	Can change command	26	change_command
103	Can delete command	26	delete_command
104	Can view command	26	view_command
105	Can add trigger	27	add_trigger
106	Can change trigger	27	change_trigger
107	Can delete trigger	27	delete_trigger
108	Can view trigger	27	view_trigger
109	Can add node	28	add_node
110	Can change node	28	change_node
111	Can delete node	28	delete_node
112	Can view node	28	view_node
113	Can add installation	29	add_installation
114	Can change installation	29	change_installation
115	Can delete installation	29	delete_installation
116	Can view installation	29	view_installation
117	Can add login failure	30	add_loginfailure
118	Can change login failure	30	change_loginfailure
119	Can delete login failure	30	delete_loginfailure
120	Can view login failure	30	view_loginfailure
121	Can add dropped table	31	add_droppedtable
122	Can change dropped table	31	change_droppedtable
123	Can delete dropped table	31	delete_droppedtable
124	Can view dropped table	31	view_droppedtable
125	Can add dataset	32	add_dataset
126	Can change dataset	32	change_dataset
127	Can delete dataset	32	delete_dataset
128	Can view dataset	32	view_dataset
129	Can add namespace	33	add_namespace
130	Can change namespace	33	change_namespace
131	Can delete namespace	33	delete_namespace
132	Can view namespace	33	view_namespace
133	Can add quarantine count	34	add_quarantinecount
134	Can change quarantine count	34	change_quarantinecount
135	Can delete quarantine count	34	delete_quarantinecount
136	Can view quarantine count	34	view_quarantinecount
137	Can add received count	35	add_receivedcount
138	Can change received count	35	change_receivedcount
139	Can delete received count	35	delete_receivedcount
140	Can view received count	35	view_receivedcount
141	Can add sealer trouble	36	add_sealertrouble
142	Can change sealer trouble	36	change_sealertrouble
143	Can delete sealer trouble	36	delete_sealertrouble
144	Can view sealer trouble	36	view_sealertrouble
145	Can add journal progress	37	add_journalprogress
146	Can change journal progress	37	change_journalprogress
147	Can delete journal progress	37	delete_journalprogress
148	Can view journal progress	37	view_journalprogress
149	Can add trigger match	38	add_triggermatch
150	Can change trigger match	38	change_triggermatch
151	Can delete trigger match	38	delete_triggermatch
152	Can view trigger match	38	view_triggermatch
\.


--
-- Data for Name: django_admin_log; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.django_admin_log (id, action_time, object_id, object_repr, action_flag, change_message, content_type_id, user_id) FROM stdin;
\.


--
-- Data for Name: django_content_type; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.django_content_type (id, app_label, model) FROM stdin;
1	admin	logentry
2	auth	permission
3	auth	group
4	contenttypes	contenttype
5	sessions	session
6	procrastinate	procrastinateevent
7	procrastinate	procrastinatejob
8	procrastinate	procrastinateperiodicdefer
9	procrastinate	procrastinateworker
10	projects	organization
11	projects	directoryversion
12	projects	account
13	projects	project
14	projects	apikey
15	projects	resource
16	projects	hook
17	projects	hookdelivery
18	projects	identity
19	projects	platformevent
20	projects	commandexecution
21	projects	subscription
22	projects	pipeline
23	projects	scratchpadentry
24	projects	task
25	projects	taskstep
26	projects	command
27	projects	trigger
28	projects	node
29	projects	installation
30	projects	loginfailure
31	events	droppedtable
32	events	dataset
33	events	namespace
34	events	quarantinecount
35	events	receivedcount
36	events	sealertrouble
37	events	journalprogress
38	events	triggermatch
\.


--
-- Data for Name: django_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.django_migrations (id, app, name, applied) FROM stdin;
1	projects	0001_initial	2026-11-27 08:02:09.217983+00
2	contenttypes	0001_initial	2026-11-27 08:02:09.234388+00
3	admin	0001_initial	2026-11-27 08:02:09.303531+00
4	admin	0002_logentry_remove_auto_add	2026-11-27 08:02:09.471203+00
5	admin	0003_logentry_add_action_flag_choices	2026-11-27 08:02:09.486371+00
6	contenttypes	0002_remove_content_type_name	2026-11-27 08:02:09.509998+00
7	auth	0001_initial	2026-11-27 08:02:09.562738+00
8	auth	0002_alter_permission_name_max_length	2026-11-27 08:02:09.575362+00
9	auth	0003_alter_user_email_max_length	2026-11-27 08:02:09.585847+00
10	auth	0004_alter_user_username_opts	2026-11-27 08:02:09.595262+00
11	auth	0005_alter_user_last_login_null	2026-11-27 08:02:09.602135+00
12	auth	0006_require_contenttypes_0002	2026-11-27 08:02:09.603806+00
13	auth	0007_alter_validators_add_error_messages	2026-11-27 08:02:09.607751+00
14	auth	0008_alter_user_username_max_length	2026-11-27 08:02:09.615838+00
15	auth	0009_alter_user_last_name_max_length	2026-11-27 08:02:09.624837+00
16	auth	0010_alter_group_name_max_length	2026-11-27 08:02:09.643742+00
17	auth	0011_update_proxy_permissions	2026-11-27 08:02:09.656662+00
18	auth	0012_alter_user_first_name_max_length	2026-11-27 08:02:09.660697+00
19	projects	0002_directory_version	2026-11-27 08:02:09.667561+00
20	events	0001_initial	2026-11-27 08:02:09.77479+00
21	events	0002_directory_version	2026-11-27 08:02:09.796829+00
22	events	0003_console_figures	2026-11-27 08:02:09.838653+00
23	events	0004_collection_indexes	2026-11-27 08:02:09.871983+00
24	events	0005_triggers	2026-11-27 08:02:09.896532+00
25	events	0006_matches_by_trigger	2026-11-27 08:02:09.907264+00
26	procrastinate	0001_initial	2026-11-27 08:02:09.92569+00
27	procrastinate	0002_drop_started_at_column	2026-11-27 08:02:09.946972+00
28	procrastinate	0003_drop_started_at_column	2026-11-27 08:02:09.955161+00
29	procrastinate	0004_drop_procrastinate_version_table	2026-11-27 08:02:09.975276+00
30	procrastinate	0005_fix_procrastinate_fetch_job	2026-11-27 08:02:09.994988+00
31	procrastinate	0006_fix_trigger_status_events_insert	2026-11-27 08:02:10.001107+00
32	procrastinate	0007_add_queueing_lock_column	2026-11-27 08:02:10.011986+00
33	procrastinate	0008_close_fetch_job_race_condition	2026-11-27 08:02:10.022788+00
34	procrastinate	0009_add_defer_job_function	2026-11-27 08:02:10.040073+00
35	procrastinate	0010_add_procrastinate_periodic_defers	2026-11-27 08:02:10.057095+00
36	procrastinate	0011_add_foreign_key_index	2026-11-27 08:02:10.065343+00
37	procrastinate	0012_add_locks_to_periodic_defer	2026-11-27 08:02:10.073663+00
38	procrastinate	0013_fix_procrastinate_defer_periodic_job	2026-11-27 08:02:10.087048+00
39	procrastinate	0014_add_finish_job_and_retry_job_functions	2026-11-27 08:02:10.106894+00
40	procrastinate	0015_add_trigger_on_job_deletion	2026-11-27 08:02:10.119742+00
41	procrastinate	0016_delete_finished_jobs	2026-11-27 08:02:10.124701+00
42	procrastinate	0017_add_checks_to_finish_job	2026-11-27 08:02:10.129275+00
43	procrastinate	0018_add_checks_to_retry_job	2026-11-27 08:02:10.142432+00
44	procrastinate	0019_fix_finish_job_compat_issue	2026-11-27 08:02:10.156594+00
45	procrastinate	0020_add_index_on_procrastinate_jobs	2026-11-27 08:02:10.164559+00
46	procrastinate	0021_add_kwargs_to_defer_periodic_job	2026-11-27 08:02:10.172038+00
47	procrastinate	0022_null_locks_excluded	2026-11-27 08:02:10.178928+00
48	procrastinate	0023_remove_old_finish_job_function	2026-11-27 08:02:10.183488+00
49	procrastinate	0024_job_id_bigint	2026-11-27 08:02:10.192845+00
50	procrastinate	0025_add_models	2026-11-27 08:02:10.204378+00
51	procrastinate	0026_add_job_priority	2026-11-27 08:02:10.214065+00
52	procrastinate	0027_add_periodic_job_priority	2026-11-27 08:02:10.223505+00
53	procrastinate	0028_add_cancel_states	2026-11-27 08:02:10.240046+00
54	procrastinate	0029_add_additional_params_to_retry_job	2026-11-27 08:02:10.355557+00
55	procrastinate	0030_alter_procrastinateevent_options	2026-11-27 08:02:10.367184+00
56	procrastinate	0031_add_indexes_for_fetch_job	2026-11-27 08:02:10.382765+00
57	procrastinate	0032_pre_cancel_notification	2026-11-27 08:02:10.411302+00
58	procrastinate	0033_post_cancel_notification	2026-11-27 08:02:10.439632+00
59	procrastinate	0034_pre_add_heartbeat	2026-11-27 08:02:10.468394+00
60	procrastinate	0035_post_add_heartbeat	2026-11-27 08:02:10.486744+00
61	procrastinate	0036_add_worker_model	2026-11-27 08:02:10.493951+00
62	procrastinate	0037_pre_batch_defer_jobs	2026-11-27 08:02:10.520056+00
63	procrastinate	0038_post_batch_defer_jobs	2026-11-27 08:02:10.542731+00
64	procrastinate	0039_pre_priority_lock_fetch_job	2026-11-27 08:02:10.553824+00
65	procrastinate	0040_pre_retry_failed_job	2026-11-27 08:02:10.561978+00
66	procrastinate	0041_post_retry_failed_job	2026-11-27 08:02:10.575725+00
67	sessions	0001_initial	2026-11-27 08:02:10.625193+00
68	projects	0003_v0_fields	2026-11-27 08:02:11.025767+00
69	projects	0004_pipelines	2026-11-27 08:02:13.143579+00
70	projects	0005_fast_tasks	2026-11-27 08:02:13.166326+00
71	projects	0006_dropped_events	2026-11-27 08:02:13.310066+00
72	projects	0007_installation	2026-11-27 08:02:13.332608+00
73	projects	0008_logins	2026-11-27 08:02:13.399487+00
74	projects	0009_rights	2026-11-27 08:02:13.570411+00
75	projects	0010_executor_name	2026-11-27 08:02:13.608357+00
\.


--
-- Data for Name: django_session; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.django_session (session_key, session_data, expire_date) FROM stdin;
\.


--
-- Data for Name: events_dataset; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.events_dataset (id, name, retention_days, default_namespace, table_name, creation_time, project_id) FROM stdin;
3MgJysaH9BIgAh9OEsBO6D0UXPx	logs	30		events_d85e51274e58dd52	2026-11-27 08:02:14.896046+00	3MgJyomevTeCxPj7DpjyNAI9vtM
\.


--
-- Data for Name: events_droppedtable; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.events_droppedtable (id, table_name, creation_time) FROM stdin;
\.


--
-- Data for Name: events_journalprogress; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.events_journalprogress (file_name, node, evaluated_bytes, update_time) FROM stdin;
node-1-01a21c06fd1577e4b9e076272a400000	node-1	169	2026-11-27 08:02:29.886801+00
\.


--
-- Data for Name: events_namespace; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.events_namespace (id, name, creation_time, dataset_id) FROM stdin;
3MgK0tUHtb9zQMvVrXt1Y1pIxuc	demo	2026-11-27 08:02:30.055556+00	3MgJysaH9BIgAh9OEsBO6D0UXPx
\.


--
-- Data for Name: events_quarantinecount; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.events_quarantinecount (dataset_id, entries, latest_time, latest_reason) FROM stdin;
\.


--
-- Data for Name: events_receivedcount; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.events_receivedcount (id, file_name, dataset_id, minute, events) FROM stdin;
1	node-1-01a21c06fd1577e4b9e076272a400000	3MgJysaH9BIgAh9OEsBO6D0UXPx	2026-11-27 08:02:00+00	2
\.


--
-- Data for Name: events_sealertrouble; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.events_sealertrouble (id, node, file_name, start_time, latest_time, end_time, error) FROM stdin;
\.


--
-- Data for Name: events_triggermatch; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.events_triggermatch (id, trigger_id, dataset, event_time, event, failures, due_time) FROM stdin;
\.


--
-- Data for Name: procrastinate_events; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.procrastinate_events (id, job_id, type, at) FROM stdin;
\.


--
-- Data for Name: procrastinate_jobs; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.procrastinate_jobs (id, queue_name, task_name, lock, args, status, scheduled_at, attempts, queueing_lock, priority, abort_requested, worker_id) FROM stdin;
\.


--
-- Data for Name: procrastinate_periodic_defers; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.procrastinate_periodic_defers (id, task_name, defer_timestamp, job_id, periodic_id) FROM stdin;
\.


--
-- Data for Name: procrastinate_workers; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.procrastinate_workers (id, last_heartbeat) FROM stdin;
1	2026-11-27 08:02:35.391395+00
\.


--
-- Data for Name: projects_account; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_account (password, last_login, id, email, name, role, creation_time, disabled, organization_id, last_project_id, settings, password_link_mark) FROM stdin;
pbkdf2_sha256$1000000$9eM0xXQmD0ifDOJl58D90U$t4giQiv/Wyl/VYJxQZNb/SrYBBPQsJWrSPVh0dZ1kYA=	\N	3MgJyoeSt3tHKOYYICqqHzgKCfs	admin@example.com		admin	2026-11-27 08:02:13.96328+00	f	3MgJyiz6xSYmH7BiMIITpvQaFSW	\N	{}	
\.


--
-- Data for Name: projects_apikey; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_apikey (id, name, prefix, digest, ingest, read, write, creation_time, expiration_time, revocation_time, last_use_time, account_id, replaced_by_id, organization_id, project_id, created_by_key_id, deploy) FROM stdin;
3MgJysN8ypozKCndVU67eWA9Z4M	read	evl_C3awecRc	b5898332d51c8779c455eefa824588ce0df0c111c00d8d5554a86a231003ecac	f	t	f	2026-11-27 08:02:14.883495+00	\N	\N	\N	3MgJyoeSt3tHKOYYICqqHzgKCfs	\N	3MgJyiz6xSYmH7BiMIITpvQaFSW	3MgJyomevTeCxPj7DpjyNAI9vtM	\N	f
3MgJyvj0emWD2zx66KncEdv3PIt	write	evl_AXL4BOEh	0afddaf99f0e0194c7d5d18644b3dbe8ab361c9699407885c083e7e2350b3893	f	f	t	2026-11-27 08:02:14.890471+00	\N	\N	\N	3MgJyoeSt3tHKOYYICqqHzgKCfs	\N	3MgJyiz6xSYmH7BiMIITpvQaFSW	3MgJyomevTeCxPj7DpjyNAI9vtM	\N	f
3MgJyskrDTVyZTxeVsdoMSUkfcV	deploy	evl_eh6DoN5Q	56abdb237ac45e9714747bc5f6d8a0bb9b315e3f1e137ee02ba4b0fbaa330d05	f	f	f	2026-11-27 08:02:14.894798+00	\N	\N	\N	3MgJyoeSt3tHKOYYICqqHzgKCfs	\N	3MgJyiz6xSYmH7BiMIITpvQaFSW	3MgJyomevTeCxPj7DpjyNAI9vtM	\N	t
3MgK0YAMgvo4A9VlSJw06s2h2W2	automation	evl_j3GRHdhH	9a7700d9d693ad8c3140e43b8964a472cfe739a3f19f0aeecc5de2f2fb8f2345	f	t	t	2026-11-27 08:02:27.221752+00	\N	\N	2026-11-27 08:02:28.450541+00	3MgJyoeSt3tHKOYYICqqHzgKCfs	\N	3MgJyiz6xSYmH7BiMIITpvQaFSW	\N	\N	t
3MgJyp7IKT4jGbitRGevJ6CT8JC	ingest	evl_F30Buoz5	94a1f4c00e82e6406f1a5f50967337ed5bc4af572bd6f1454483fd05c4b6a330	t	f	f	2026-11-27 08:02:14.879253+00	\N	\N	2026-11-27 08:02:30.052196+00	3MgJyoeSt3tHKOYYICqqHzgKCfs	\N	3MgJyiz6xSYmH7BiMIITpvQaFSW	3MgJyomevTeCxPj7DpjyNAI9vtM	\N	f
\.


--
-- Data for Name: projects_commandexecution; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_commandexecution (id, execution_time, command_id, parameters, pipeline_ids, executor_id, project_id, event_id, executor_name) FROM stdin;
3MgK0cKfBYNfQTbVsprXjDWRGM9	2026-11-27 08:02:28.721416+00	3MgK0hWhGL6bJvcjXJc710liBVL	{}	["3MgK0cQN77AoeIoqysmbaXwG5df"]	3MgJyoeSt3tHKOYYICqqHzgKCfs	3MgJyomevTeCxPj7DpjyNAI9vtM	3MgK0a3H1SAsbgD9Whvo1N4da2c	admin@example.com
3MgK0hgUjtCGtuZvFotZYSVOoID	2026-11-27 08:02:29.339544+00	3MgK0c5GnaLg1xRBz6CpnDUqLkm	{}	["3MgK0nbosO3ZbArsClTaWWnjuRP"]	3MgJyoeSt3tHKOYYICqqHzgKCfs	3MgJyomevTeCxPj7DpjyNAI9vtM	3MgK0ic0cHtjtPzRcnr8lZu3ztq	admin@example.com
\.


--
-- Data for Name: projects_directoryversion; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_directoryversion (id, version) FROM stdin;
1	10
\.


--
-- Data for Name: projects_hook; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_hook (id, connector, digest, encrypted_token, encrypted_secret, creation_time, last_use_time, project_id) FROM stdin;
3MgK0Zt0zV6xgghEEXzZJcoO2qI	webhook	7b26e9b26a7f6b6570aa4ce7c8bf898be3945d62cd85f1549e97f6aeedb89a45	\\x674141414141427243546b55337274393742474d42584a322d7977786b343547534a4d66705f474e7a354652495f62685a714852524e57424b6f333663646c637a3849563666706f536f5058374541682d6b7744754a42646b6e7839384d7855644274756e796d5a5248422d3952456f70675467313437496668384d6259714e6c587a4a76347662416d356d	\N	2026-11-27 08:02:28.646615+00	\N	3MgJyomevTeCxPj7DpjyNAI9vtM
\.


--
-- Data for Name: projects_hookdelivery; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_hookdelivery (id, delivery_id, creation_time, hook_id) FROM stdin;
\.


--
-- Data for Name: projects_identity; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_identity (id, name, connector, type, encrypted_data, creation_time, update_time, last_use_time, project_id) FROM stdin;
3MgK0fWzHTLMgyOAvVrOe9iyXf7	deployer	generic	password	\\x674141414141427243546b5544557074307864444a505f5434596170484b34624c626d637a48555063574679766966794a6c68445879724973517566384b61525762415978454b33377052446776414673556a376d36336e58746f4a7466636337677a487838465f52622d533744704d6b4d51657a564632585868344a32744261524f6a4575366f59456153	2026-11-27 08:02:28.521432+00	2026-11-27 08:02:28.527264+00	\N	3MgJyomevTeCxPj7DpjyNAI9vtM
\.


--
-- Data for Name: projects_installation; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_installation (id, "row") FROM stdin;
3MgJy8iHlxISxcYNTslfzW3EJXw	1
\.


--
-- Data for Name: projects_loginfailure; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_loginfailure (id, account, address, "time") FROM stdin;
\.


--
-- Data for Name: projects_node; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_node (name, host, home) FROM stdin;
node-1	node	/tmp/eventlane-test-q8p_ygyq
\.


--
-- Data for Name: projects_organization; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_organization (id, name, creation_time, disabled, address, city, contact_email_address, country, non_essential_mail_opt_in, postal_code, vat_id_number) FROM stdin;
3MgJyiz6xSYmH7BiMIITpvQaFSW	Main	2026-11-27 08:02:13.94531+00	f					f		
\.


--
-- Data for Name: projects_pipeline; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_pipeline (id, name, spec, trigger_id, command_id, command_environment, event_time, creation_time, concurrent, status, start_time, end_time, released, aborted, retention, delete_time, project_id, event_id, definition_id) FROM stdin;
3MgK0cQN77AoeIoqysmbaXwG5df	greetings	{"data": {"tasks": [{"task": "greet", "nb_retries": 0, "on_failure": "abort", "parameters": {}, "retry_delay": 0, "dependencies": [], "nb_instances": 1}], "concurrent": false}, "name": "greetings", "type": "pipeline", "version": 1}	\N	3MgK0hWhGL6bJvcjXJc710liBVL	{}	2026-11-27 08:02:28.721416+00	2026-11-27 08:02:28.730581+00	f	successful	2026-11-27 08:02:28.825602+00	2026-11-27 08:02:29.15491+00	t	f	\N	\N	3MgJyomevTeCxPj7DpjyNAI9vtM	3MgK0a3H1SAsbgD9Whvo1N4da2c	3MgK0bygydy05TtEsq5g10h0EH6
3MgK0nbosO3ZbArsClTaWWnjuRP	failing	{"data": {"tasks": [{"task": "fails", "nb_retries": 0, "on_failure": "abort", "parameters": {}, "retry_delay": 0, "dependencies": [], "nb_instances": 1}], "concurrent": false}, "name": "failing", "type": "pipeline", "version": 1}	\N	3MgK0c5GnaLg1xRBz6CpnDUqLkm	{}	2026-11-27 08:02:29.339544+00	2026-11-27 08:02:29.351284+00	f	failed	2026-11-27 08:02:29.400028+00	2026-11-27 08:02:29.618484+00	t	f	\N	\N	3MgJyomevTeCxPj7DpjyNAI9vtM	3MgK0ic0cHtjtPzRcnr8lZu3ztq	3MgK0gMSEMl5kdYSOIb9SrEHzeL
3MgK0lWgAy1IXxYbFpeJHqcSBya	greetings	{"data": {"tasks": [{"task": "greet", "nb_retries": 0, "on_failure": "abort", "parameters": {}, "retry_delay": 0, "dependencies": [], "nb_instances": 1}], "concurrent": false}, "name": "greetings", "type": "pipeline", "version": 1}	3MgK0Ztw10eyGEbqayrhVPTE50x	\N	{}	2026-11-27 08:02:29.692972+00	2026-11-27 08:02:29.701103+00	f	successful	2026-11-27 08:02:29.762236+00	2026-11-27 08:02:30.04412+00	t	f	\N	\N	3MgJyomevTeCxPj7DpjyNAI9vtM	3MgK0kE7qiHZEBtfVeN8WDuLdsL	3MgK0bygydy05TtEsq5g10h0EH6
3MgK0oZD48LM8tN3p9f4C7yKcKf	greetings	{"data": {"tasks": [{"task": "greet", "nb_retries": 0, "on_failure": "abort", "parameters": {}, "retry_delay": 0, "dependencies": [], "nb_instances": 1}], "concurrent": false}, "name": "greetings", "type": "pipeline", "version": 1}	3MgK0cKcgGLlFWXuKltX9SNjFD7	\N	{}	2026-11-27 08:02:29.781044+00	2026-11-27 08:02:29.951225+00	f	successful	2026-11-27 08:02:30.107345+00	2026-11-27 08:02:30.358499+00	t	f	\N	\N	3MgJyomevTeCxPj7DpjyNAI9vtM	3MgK0oMH9yM6WZMaiL4qpJgqZB9	3MgK0bygydy05TtEsq5g10h0EH6
\.


--
-- Data for Name: projects_platformevent; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_platformevent (id, trigger_id, command_id, creation_time, event_time, connector, name, data, processed, original_event_id, project_id) FROM stdin;
3MgK0a3H1SAsbgD9Whvo1N4da2c	\N	3MgK0hWhGL6bJvcjXJc710liBVL	2026-11-27 08:02:28.721568+00	2026-11-27 08:02:28.721416+00	command	execution	{"command_id": "3MgK0hWhGL6bJvcjXJc710liBVL", "parameters": {}, "command_name": "hello"}	t	\N	3MgJyomevTeCxPj7DpjyNAI9vtM
3MgK0ic0cHtjtPzRcnr8lZu3ztq	\N	3MgK0c5GnaLg1xRBz6CpnDUqLkm	2026-11-27 08:02:29.339627+00	2026-11-27 08:02:29.339544+00	command	execution	{"command_id": "3MgK0c5GnaLg1xRBz6CpnDUqLkm", "parameters": {}, "command_name": "break"}	t	\N	3MgJyomevTeCxPj7DpjyNAI9vtM
3MgK0kE7qiHZEBtfVeN8WDuLdsL	3MgK0Ztw10eyGEbqayrhVPTE50x	\N	2026-11-27 08:02:29.693076+00	2026-11-27 08:02:29.692972+00	custom	guest	{"who": "Ada"}	t	\N	3MgJyomevTeCxPj7DpjyNAI9vtM
3MgK0oMH9yM6WZMaiL4qpJgqZB9	3MgK0cKcgGLlFWXuKltX9SNjFD7	\N	2026-11-27 08:02:29.940991+00	2026-11-27 08:02:29.781044+00	dataset	logs	{"level": "error", "message": "down"}	t	\N	3MgJyomevTeCxPj7DpjyNAI9vtM
\.


--
-- Data for Name: projects_project; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_project (id, name, creation_time, create_datasets, organization_id, code_header, local_runtime, max_running_tasks) FROM stdin;
3MgJyomevTeCxPj7DpjyNAI9vtM	main	2026-11-27 08:02:14.875829+00	f	3MgJyiz6xSYmH7BiMIITpvQaFSW	#!/bin/sh\nset -eu\n	t	\N
\.


--
-- Data for Name: projects_resource; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_resource (id, type, name, disabled, creation_time, update_time, spec, project_id) FROM stdin;
3MgK0d8uROlLOleu7UUPxwuVBkq	task	greet	f	2026-11-27 08:02:28.586951+00	2026-11-27 08:02:28.586951+00	{"data": {"steps": [{"code": "echo hello from the last release\\n"}], "runtime": {"name": "local", "parameters": {}}, "identities": [], "parameters": [], "environment": {}}, "name": "greet", "type": "task", "version": 1}	3MgJyomevTeCxPj7DpjyNAI9vtM
3MgK0avSMeqbwYDIvRlDBaVHLCZ	task	fails	f	2026-11-27 08:02:28.586951+00	2026-11-27 08:02:28.586951+00	{"data": {"steps": [{"code": "echo no; exit 3\\n"}], "runtime": {"name": "local", "parameters": {}}, "identities": [], "parameters": [], "environment": {}}, "name": "fails", "type": "task", "version": 1}	3MgJyomevTeCxPj7DpjyNAI9vtM
3MgK0bygydy05TtEsq5g10h0EH6	pipeline	greetings	f	2026-11-27 08:02:28.586951+00	2026-11-27 08:02:28.586951+00	{"data": {"tasks": [{"task": "greet", "nb_retries": 0, "on_failure": "abort", "parameters": {}, "retry_delay": 0, "dependencies": [], "nb_instances": 1}], "concurrent": false}, "name": "greetings", "type": "pipeline", "version": 1}	3MgJyomevTeCxPj7DpjyNAI9vtM
3MgK0gMSEMl5kdYSOIb9SrEHzeL	pipeline	failing	f	2026-11-27 08:02:28.586951+00	2026-11-27 08:02:28.586951+00	{"data": {"tasks": [{"task": "fails", "nb_retries": 0, "on_failure": "abort", "parameters": {}, "retry_delay": 0, "dependencies": [], "nb_instances": 1}], "concurrent": false}, "name": "failing", "type": "pipeline", "version": 1}	3MgJyomevTeCxPj7DpjyNAI9vtM
3MgK0hWhGL6bJvcjXJc710liBVL	command	hello	f	2026-11-27 08:02:28.586951+00	2026-11-27 08:02:28.586951+00	{"data": {"pipelines": ["greetings"], "parameters": []}, "name": "hello", "type": "command", "version": 1}	3MgJyomevTeCxPj7DpjyNAI9vtM
3MgK0c5GnaLg1xRBz6CpnDUqLkm	command	break	f	2026-11-27 08:02:28.586951+00	2026-11-27 08:02:28.586951+00	{"data": {"pipelines": ["failing"], "parameters": []}, "name": "break", "type": "command", "version": 1}	3MgJyomevTeCxPj7DpjyNAI9vtM
3MgK0Ztw10eyGEbqayrhVPTE50x	trigger	guests	f	2026-11-27 08:02:28.586951+00	2026-11-27 08:02:28.586951+00	{"data": {"event": "guest", "filters": [], "connector": "custom", "pipelines": ["greetings"], "parameters": {}}, "name": "guests", "type": "trigger", "version": 1}	3MgJyomevTeCxPj7DpjyNAI9vtM
3MgK0gkffoPdX6CTO8NAV7wwJlu	trigger	nightly	f	2026-11-27 08:02:28.586951+00	2026-11-27 08:02:28.586951+00	{"data": {"event": "tick", "filters": [], "connector": "time", "pipelines": ["greetings"], "parameters": {"daily": {"hour": 3}}}, "name": "nightly", "type": "trigger", "version": 1}	3MgJyomevTeCxPj7DpjyNAI9vtM
3MgK0cKcgGLlFWXuKltX9SNjFD7	trigger	errors	f	2026-11-27 08:02:28.586951+00	2026-11-27 08:02:28.586951+00	{"data": {"event": "logs", "filters": [{"path": "/level", "is_equal_to": "error"}], "connector": "dataset", "pipelines": ["greetings"], "parameters": {}}, "name": "errors", "type": "trigger", "version": 1}	3MgJyomevTeCxPj7DpjyNAI9vtM
3MgK0euoin1FUZjFJW3GzFHJGKh	trigger	called	f	2026-11-27 08:02:28.586951+00	2026-11-27 08:02:28.586951+00	{"data": {"event": "call", "filters": [], "connector": "webhook", "pipelines": ["greetings"], "parameters": {}}, "name": "called", "type": "trigger", "version": 1}	3MgJyomevTeCxPj7DpjyNAI9vtM
\.


--
-- Data for Name: projects_scratchpadentry; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_scratchpadentry (id, key, value, pipeline_id) FROM stdin;
1	note	kept	3MgK0nbosO3ZbArsClTaWWnjuRP
\.


--
-- Data for Name: projects_subscription; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_subscription (trigger_id, connector, event, parameters, identity, creation_time, next_tick_time, window_start_time, window_events, suppressed_events, project_id, dropped_events, drop_time) FROM stdin;
3MgK0Ztw10eyGEbqayrhVPTE50x	custom	guest	{}		2026-11-27 08:02:28.586951+00	\N	\N	0	0	3MgJyomevTeCxPj7DpjyNAI9vtM	0	\N
3MgK0gkffoPdX6CTO8NAV7wwJlu	time	tick	{"daily": {"hour": 3}}		2026-11-27 08:02:28.586951+00	2026-11-28 03:00:00+00	\N	0	0	3MgJyomevTeCxPj7DpjyNAI9vtM	0	\N
3MgK0euoin1FUZjFJW3GzFHJGKh	webhook	call	{}		2026-11-27 08:02:28.586951+00	\N	\N	0	0	3MgJyomevTeCxPj7DpjyNAI9vtM	0	\N
3MgK0cKcgGLlFWXuKltX9SNjFD7	dataset	logs	{}		2026-11-27 08:02:28.586951+00	\N	2026-11-27 08:02:29.781044+00	1	0	3MgJyomevTeCxPj7DpjyNAI9vtM	0	\N
\.


--
-- Data for Name: projects_task; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_task (id, name, pipeline_task, spec, command_parameters, dependencies, instance_id, status, start_time, end_time, failure_message, retry, run, queued, parked, due_time, heartbeat_time, worker, definition_id, pipeline_id, project_id) FROM stdin;
3MgK0gmsfJLVotSstyLtm7yFPUz	greet	{"name": "greet", "task": "greet", "nb_retries": 0, "on_failure": "abort", "parameters": {}, "retry_delay": 0, "dependencies": [], "nb_instances": 1}	{"data": {"steps": [{"code": "echo hello from the last release\\n"}], "runtime": {"name": "local", "parameters": {}}, "identities": [], "parameters": [], "environment": {}}, "name": "greet", "type": "task", "version": 1}	{}	[]	1	successful	2026-11-27 08:02:28.825602+00	2026-11-27 08:02:29.147021+00		0	1	f	f	\N	2026-11-27 08:02:28.825602+00		3MgK0d8uROlLOleu7UUPxwuVBkq	3MgK0cQN77AoeIoqysmbaXwG5df	3MgJyomevTeCxPj7DpjyNAI9vtM
3MgK0i3t8b1tXQFh5sshotzxeUB	greet	{"name": "greet", "task": "greet", "nb_retries": 0, "on_failure": "abort", "parameters": {}, "retry_delay": 0, "dependencies": [], "nb_instances": 1}	{"data": {"steps": [{"code": "echo hello from the last release\\n"}], "runtime": {"name": "local", "parameters": {}}, "identities": [], "parameters": [], "environment": {}}, "name": "greet", "type": "task", "version": 1}	\N	[]	1	successful	2026-11-27 08:02:29.762236+00	2026-11-27 08:02:30.038902+00		0	1	f	f	\N	2026-11-27 08:02:29.762236+00		3MgK0d8uROlLOleu7UUPxwuVBkq	3MgK0lWgAy1IXxYbFpeJHqcSBya	3MgJyomevTeCxPj7DpjyNAI9vtM
3MgK0jkBkoCDIyNJnWgNZMARbeC	fails	{"name": "fails", "task": "fails", "nb_retries": 0, "on_failure": "abort", "parameters": {}, "retry_delay": 0, "dependencies": [], "nb_instances": 1}	{"data": {"steps": [{"code": "echo no; exit 3\\n"}], "runtime": {"name": "local", "parameters": {}}, "identities": [], "parameters": [], "environment": {}}, "name": "fails", "type": "task", "version": 1}	{}	[]	1	failed	2026-11-27 08:02:29.400028+00	2026-11-27 08:02:29.610768+00	step 1: exit status 3	0	1	f	f	\N	2026-11-27 08:02:29.400028+00		3MgK0avSMeqbwYDIvRlDBaVHLCZ	3MgK0nbosO3ZbArsClTaWWnjuRP	3MgJyomevTeCxPj7DpjyNAI9vtM
3MgK0jOJaPtjPLyIYKgjHiOJJh7	greet	{"name": "greet", "task": "greet", "nb_retries": 0, "on_failure": "abort", "parameters": {}, "retry_delay": 0, "dependencies": [], "nb_instances": 1}	{"data": {"steps": [{"code": "echo hello from the last release\\n"}], "runtime": {"name": "local", "parameters": {}}, "identities": [], "parameters": [], "environment": {}}, "name": "greet", "type": "task", "version": 1}	\N	[]	1	successful	2026-11-27 08:02:30.107345+00	2026-11-27 08:02:30.349253+00		0	1	f	f	\N	2026-11-27 08:02:30.107345+00		3MgK0d8uROlLOleu7UUPxwuVBkq	3MgK0oZD48LM8tN3p9f4C7yKcKf	3MgJyomevTeCxPj7DpjyNAI9vtM
\.


--
-- Data for Name: projects_taskstep; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects_taskstep (id, "position", label, start_time, end_time, exit_code, output, output_bytes, truncated, task_id) FROM stdin;
1	0		2026-11-27 08:02:28.987936+00	2026-11-27 08:02:29.094948+00	0	hello from the last release\n	28	f	3MgK0gmsfJLVotSstyLtm7yFPUz
2	0		2026-11-27 08:02:29.448049+00	2026-11-27 08:02:29.554802+00	3	no\n	3	f	3MgK0jkBkoCDIyNJnWgNZMARbeC
3	0		2026-11-27 08:02:29.83521+00	2026-11-27 08:02:30.003153+00	0	hello from the last release\n	28	f	3MgK0i3t8b1tXQFh5sshotzxeUB
4	0		2026-11-27 08:02:30.141146+00	2026-11-27 08:02:30.288431+00	0	hello from the last release\n	28	f	3MgK0jOJaPtjPLyIYKgjHiOJJh7
\.


--
-- Name: auth_group_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.auth_group_id_seq', 1, false);


--
-- Name: auth_group_permissions_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.auth_group_permissions_id_seq', 1, false);


--
-- Name: auth_permission_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.auth_permission_id_seq', 152, true);


--
-- Name: django_admin_log_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.django_admin_log_id_seq', 1, false);


--
-- Name: django_content_type_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.django_content_type_id_seq', 38, true);


--
-- Name: django_migrations_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.django_migrations_id_seq', 75, true);


--
-- Name: events_droppedtable_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.events_droppedtable_id_seq', 1, false);


--
-- Name: events_receivedcount_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.events_receivedcount_id_seq', 1, true);


--
-- Name: events_sealertrouble_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.events_sealertrouble_id_seq', 1, false);


--
-- Name: events_triggermatch_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.events_triggermatch_id_seq', 1, true);


--
-- Name: procrastinate_events_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.procrastinate_events_id_seq', 8, true);


--
-- Name: procrastinate_jobs_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.procrastinate_jobs_id_seq', 4, true);


--
-- Name: procrastinate_periodic_defers_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.procrastinate_periodic_defers_id_seq', 1, false);


--
-- Name: procrastinate_workers_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.procrastinate_workers_id_seq', 1, true);


--
-- Name: projects_directoryversion_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.projects_directoryversion_id_seq', 1, false);


--
-- Name: projects_hookdelivery_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.projects_hookdelivery_id_seq', 1, false);


--
-- Name: projects_loginfailure_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.projects_loginfailure_id_seq', 1, false);


--
-- Name: projects_scratchpadentry_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.projects_scratchpadentry_id_seq', 1, true);


--
-- Name: projects_taskstep_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.projects_taskstep_id_seq', 4, true);


--
-- Name: ducklake_data_file ducklake_data_file_pkey; Type: CONSTRAINT; Schema: lake; Owner: -
--

ALTER TABLE ONLY lake.ducklake_data_file
    ADD CONSTRAINT ducklake_data_file_pkey PRIMARY KEY (data_file_id);


--
-- Name: ducklake_delete_file ducklake_delete_file_pkey; Type: CONSTRAINT; Schema: lake; Owner: -
--

ALTER TABLE ONLY lake.ducklake_delete_file
    ADD CONSTRAINT ducklake_delete_file_pkey PRIMARY KEY (delete_file_id);


--
-- Name: ducklake_schema ducklake_schema_pkey; Type: CONSTRAINT; Schema: lake; Owner: -
--

ALTER TABLE ONLY lake.ducklake_schema
    ADD CONSTRAINT ducklake_schema_pkey PRIMARY KEY (schema_id);


--
-- Name: ducklake_snapshot_changes ducklake_snapshot_changes_pkey; Type: CONSTRAINT; Schema: lake; Owner: -
--

ALTER TABLE ONLY lake.ducklake_snapshot_changes
    ADD CONSTRAINT ducklake_snapshot_changes_pkey PRIMARY KEY (snapshot_id);


--
-- Name: ducklake_snapshot ducklake_snapshot_pkey; Type: CONSTRAINT; Schema: lake; Owner: -
--

ALTER TABLE ONLY lake.ducklake_snapshot
    ADD CONSTRAINT ducklake_snapshot_pkey PRIMARY KEY (snapshot_id);


--
-- Name: auth_group auth_group_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.auth_group
    ADD CONSTRAINT auth_group_name_key UNIQUE (name);


--
-- Name: auth_group_permissions auth_group_permissions_group_id_permission_id_0cd325b0_uniq; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_group_id_permission_id_0cd325b0_uniq UNIQUE (group_id, permission_id);


--
-- Name: auth_group_permissions auth_group_permissions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_pkey PRIMARY KEY (id);


--
-- Name: auth_group auth_group_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.auth_group
    ADD CONSTRAINT auth_group_pkey PRIMARY KEY (id);


--
-- Name: auth_permission auth_permission_content_type_id_codename_01ab375a_uniq; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_content_type_id_codename_01ab375a_uniq UNIQUE (content_type_id, codename);


--
-- Name: auth_permission auth_permission_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_pkey PRIMARY KEY (id);


--
-- Name: events_dataset dataset_name_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_dataset
    ADD CONSTRAINT dataset_name_once UNIQUE (project_id, name);


--
-- Name: projects_hookdelivery delivery_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_hookdelivery
    ADD CONSTRAINT delivery_once UNIQUE (hook_id, delivery_id);


--
-- Name: django_admin_log django_admin_log_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.django_admin_log
    ADD CONSTRAINT django_admin_log_pkey PRIMARY KEY (id);


--
-- Name: django_content_type django_content_type_app_label_model_76bd3d3b_uniq; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.django_content_type
    ADD CONSTRAINT django_content_type_app_label_model_76bd3d3b_uniq UNIQUE (app_label, model);


--
-- Name: django_content_type django_content_type_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.django_content_type
    ADD CONSTRAINT django_content_type_pkey PRIMARY KEY (id);


--
-- Name: django_migrations django_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.django_migrations
    ADD CONSTRAINT django_migrations_pkey PRIMARY KEY (id);


--
-- Name: django_session django_session_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.django_session
    ADD CONSTRAINT django_session_pkey PRIMARY KEY (session_key);


--
-- Name: events_dataset events_dataset_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_dataset
    ADD CONSTRAINT events_dataset_pkey PRIMARY KEY (id);


--
-- Name: events_dataset events_dataset_table_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_dataset
    ADD CONSTRAINT events_dataset_table_name_key UNIQUE (table_name);


--
-- Name: events_droppedtable events_droppedtable_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_droppedtable
    ADD CONSTRAINT events_droppedtable_pkey PRIMARY KEY (id);


--
-- Name: events_droppedtable events_droppedtable_table_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_droppedtable
    ADD CONSTRAINT events_droppedtable_table_name_key UNIQUE (table_name);


--
-- Name: events_journalprogress events_journalprogress_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_journalprogress
    ADD CONSTRAINT events_journalprogress_pkey PRIMARY KEY (file_name);


--
-- Name: events_namespace events_namespace_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_namespace
    ADD CONSTRAINT events_namespace_pkey PRIMARY KEY (id);


--
-- Name: events_quarantinecount events_quarantinecount_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_quarantinecount
    ADD CONSTRAINT events_quarantinecount_pkey PRIMARY KEY (dataset_id);


--
-- Name: events_receivedcount events_receivedcount_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_receivedcount
    ADD CONSTRAINT events_receivedcount_pkey PRIMARY KEY (id);


--
-- Name: events_sealertrouble events_sealertrouble_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_sealertrouble
    ADD CONSTRAINT events_sealertrouble_pkey PRIMARY KEY (id);


--
-- Name: events_triggermatch events_triggermatch_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_triggermatch
    ADD CONSTRAINT events_triggermatch_pkey PRIMARY KEY (id);


--
-- Name: projects_hook hook_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_hook
    ADD CONSTRAINT hook_once UNIQUE (project_id, connector);


--
-- Name: projects_identity identity_name_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_identity
    ADD CONSTRAINT identity_name_once UNIQUE (project_id, name);


--
-- Name: events_namespace namespace_name_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_namespace
    ADD CONSTRAINT namespace_name_once UNIQUE (dataset_id, name);


--
-- Name: procrastinate_events procrastinate_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_pkey PRIMARY KEY (id);


--
-- Name: procrastinate_jobs procrastinate_jobs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_pkey PRIMARY KEY (id);


--
-- Name: procrastinate_periodic_defers procrastinate_periodic_defers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_pkey PRIMARY KEY (id);


--
-- Name: procrastinate_periodic_defers procrastinate_periodic_defers_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_unique UNIQUE (task_name, periodic_id, defer_timestamp);


--
-- Name: procrastinate_workers procrastinate_workers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_workers
    ADD CONSTRAINT procrastinate_workers_pkey PRIMARY KEY (id);


--
-- Name: projects_project project_name_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_project
    ADD CONSTRAINT project_name_once UNIQUE (organization_id, name);


--
-- Name: projects_account projects_account_email_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_account
    ADD CONSTRAINT projects_account_email_key UNIQUE (email);


--
-- Name: projects_account projects_account_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_account
    ADD CONSTRAINT projects_account_pkey PRIMARY KEY (id);


--
-- Name: projects_apikey projects_apikey_digest_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_apikey
    ADD CONSTRAINT projects_apikey_digest_key UNIQUE (digest);


--
-- Name: projects_apikey projects_apikey_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_apikey
    ADD CONSTRAINT projects_apikey_pkey PRIMARY KEY (id);


--
-- Name: projects_apikey projects_apikey_replaced_by_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_apikey
    ADD CONSTRAINT projects_apikey_replaced_by_id_key UNIQUE (replaced_by_id);


--
-- Name: projects_commandexecution projects_commandexecution_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_commandexecution
    ADD CONSTRAINT projects_commandexecution_pkey PRIMARY KEY (id);


--
-- Name: projects_directoryversion projects_directoryversion_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_directoryversion
    ADD CONSTRAINT projects_directoryversion_pkey PRIMARY KEY (id);


--
-- Name: projects_hook projects_hook_digest_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_hook
    ADD CONSTRAINT projects_hook_digest_key UNIQUE (digest);


--
-- Name: projects_hook projects_hook_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_hook
    ADD CONSTRAINT projects_hook_pkey PRIMARY KEY (id);


--
-- Name: projects_hookdelivery projects_hookdelivery_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_hookdelivery
    ADD CONSTRAINT projects_hookdelivery_pkey PRIMARY KEY (id);


--
-- Name: projects_identity projects_identity_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_identity
    ADD CONSTRAINT projects_identity_pkey PRIMARY KEY (id);


--
-- Name: projects_installation projects_installation_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_installation
    ADD CONSTRAINT projects_installation_pkey PRIMARY KEY (id);


--
-- Name: projects_installation projects_installation_row_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_installation
    ADD CONSTRAINT projects_installation_row_key UNIQUE ("row");


--
-- Name: projects_loginfailure projects_loginfailure_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_loginfailure
    ADD CONSTRAINT projects_loginfailure_pkey PRIMARY KEY (id);


--
-- Name: projects_node projects_node_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_node
    ADD CONSTRAINT projects_node_pkey PRIMARY KEY (name);


--
-- Name: projects_organization projects_organization_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_organization
    ADD CONSTRAINT projects_organization_name_key UNIQUE (name);


--
-- Name: projects_organization projects_organization_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_organization
    ADD CONSTRAINT projects_organization_pkey PRIMARY KEY (id);


--
-- Name: projects_pipeline projects_pipeline_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_pipeline
    ADD CONSTRAINT projects_pipeline_pkey PRIMARY KEY (id);


--
-- Name: projects_platformevent projects_platformevent_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_platformevent
    ADD CONSTRAINT projects_platformevent_pkey PRIMARY KEY (id);


--
-- Name: projects_project projects_project_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_project
    ADD CONSTRAINT projects_project_pkey PRIMARY KEY (id);


--
-- Name: projects_resource projects_resource_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_resource
    ADD CONSTRAINT projects_resource_pkey PRIMARY KEY (id);


--
-- Name: projects_scratchpadentry projects_scratchpadentry_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_scratchpadentry
    ADD CONSTRAINT projects_scratchpadentry_pkey PRIMARY KEY (id);


--
-- Name: projects_subscription projects_subscription_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_subscription
    ADD CONSTRAINT projects_subscription_pkey PRIMARY KEY (trigger_id);


--
-- Name: projects_task projects_task_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_task
    ADD CONSTRAINT projects_task_pkey PRIMARY KEY (id);


--
-- Name: projects_taskstep projects_taskstep_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_taskstep
    ADD CONSTRAINT projects_taskstep_pkey PRIMARY KEY (id);


--
-- Name: events_receivedcount received_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_receivedcount
    ADD CONSTRAINT received_once UNIQUE (file_name, dataset_id, minute);


--
-- Name: projects_resource resource_name_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_resource
    ADD CONSTRAINT resource_name_once UNIQUE (project_id, type, name);


--
-- Name: projects_scratchpadentry scratchpad_key_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_scratchpadentry
    ADD CONSTRAINT scratchpad_key_once UNIQUE (pipeline_id, key);


--
-- Name: projects_taskstep task_step_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_taskstep
    ADD CONSTRAINT task_step_once UNIQUE (task_id, "position");


--
-- Name: account_by_email; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX account_by_email ON public.projects_account USING btree (organization_id, email, id);


--
-- Name: account_by_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX account_by_id ON public.projects_account USING btree (organization_id, id);


--
-- Name: account_by_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX account_by_name ON public.projects_account USING btree (organization_id, name, id);


--
-- Name: account_email_once; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX account_email_once ON public.projects_account USING btree (lower((email)::text));


--
-- Name: api_key_by_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX api_key_by_id ON public.projects_apikey USING btree (organization_id, id);


--
-- Name: api_key_by_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX api_key_by_name ON public.projects_apikey USING btree (organization_id, name, id);


--
-- Name: api_key_by_project_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX api_key_by_project_id ON public.projects_apikey USING btree (project_id, id);


--
-- Name: api_key_by_project_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX api_key_by_project_name ON public.projects_apikey USING btree (project_id, name, id);


--
-- Name: auth_group_name_a6ea08ec_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX auth_group_name_a6ea08ec_like ON public.auth_group USING btree (name varchar_pattern_ops);


--
-- Name: auth_group_permissions_group_id_b120cbf9; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX auth_group_permissions_group_id_b120cbf9 ON public.auth_group_permissions USING btree (group_id);


--
-- Name: auth_group_permissions_permission_id_84c5c92e; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX auth_group_permissions_permission_id_84c5c92e ON public.auth_group_permissions USING btree (permission_id);


--
-- Name: auth_permission_content_type_id_2f476e4b; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX auth_permission_content_type_id_2f476e4b ON public.auth_permission USING btree (content_type_id);


--
-- Name: dataset_by_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX dataset_by_id ON public.events_dataset USING btree (project_id, id);


--
-- Name: delivery_by_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX delivery_by_time ON public.projects_hookdelivery USING btree (hook_id, creation_time);


--
-- Name: django_admin_log_content_type_id_c4bce8eb; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX django_admin_log_content_type_id_c4bce8eb ON public.django_admin_log USING btree (content_type_id);


--
-- Name: django_admin_log_user_id_c564eba6; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX django_admin_log_user_id_c564eba6 ON public.django_admin_log USING btree (user_id);


--
-- Name: django_admin_log_user_id_c564eba6_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX django_admin_log_user_id_c564eba6_like ON public.django_admin_log USING btree (user_id varchar_pattern_ops);


--
-- Name: django_session_expire_date_a5c62663; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX django_session_expire_date_a5c62663 ON public.django_session USING btree (expire_date);


--
-- Name: django_session_session_key_c0390e0f_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX django_session_session_key_c0390e0f_like ON public.django_session USING btree (session_key varchar_pattern_ops);


--
-- Name: events_dataset_id_262872ad_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_dataset_id_262872ad_like ON public.events_dataset USING btree (id varchar_pattern_ops);


--
-- Name: events_dataset_project_id_8d40f93d; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_dataset_project_id_8d40f93d ON public.events_dataset USING btree (project_id);


--
-- Name: events_dataset_project_id_8d40f93d_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_dataset_project_id_8d40f93d_like ON public.events_dataset USING btree (project_id varchar_pattern_ops);


--
-- Name: events_dataset_table_name_0914dac4_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_dataset_table_name_0914dac4_like ON public.events_dataset USING btree (table_name varchar_pattern_ops);


--
-- Name: events_droppedtable_table_name_3dc79810_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_droppedtable_table_name_3dc79810_like ON public.events_droppedtable USING btree (table_name varchar_pattern_ops);


--
-- Name: events_journalprogress_file_name_ffaef795_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_journalprogress_file_name_ffaef795_like ON public.events_journalprogress USING btree (file_name text_pattern_ops);


--
-- Name: events_namespace_dataset_id_20af5e83; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_namespace_dataset_id_20af5e83 ON public.events_namespace USING btree (dataset_id);


--
-- Name: events_namespace_dataset_id_20af5e83_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_namespace_dataset_id_20af5e83_like ON public.events_namespace USING btree (dataset_id varchar_pattern_ops);


--
-- Name: events_namespace_id_3447b968_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_namespace_id_3447b968_like ON public.events_namespace USING btree (id varchar_pattern_ops);


--
-- Name: events_quarantinecount_dataset_id_2eb4c56d_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_quarantinecount_dataset_id_2eb4c56d_like ON public.events_quarantinecount USING btree (dataset_id varchar_pattern_ops);


--
-- Name: events_receivedcount_minute_417cbc51; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_receivedcount_minute_417cbc51 ON public.events_receivedcount USING btree (minute);


--
-- Name: execution_by_command; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX execution_by_command ON public.projects_commandexecution USING btree (project_id, command_id, id);


--
-- Name: execution_by_command_t; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX execution_by_command_t ON public.projects_commandexecution USING btree (project_id, command_id, execution_time, id);


--
-- Name: execution_by_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX execution_by_id ON public.projects_commandexecution USING btree (project_id, id);


--
-- Name: execution_by_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX execution_by_time ON public.projects_commandexecution USING btree (project_id, execution_time, id);


--
-- Name: identity_by_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX identity_by_id ON public.projects_identity USING btree (project_id, id);


--
-- Name: identity_by_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX identity_by_name ON public.projects_identity USING btree (project_id, name, id);


--
-- Name: idx_procrastinate_jobs_worker_not_null; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_procrastinate_jobs_worker_not_null ON public.procrastinate_jobs USING btree (worker_id) WHERE ((worker_id IS NOT NULL) AND (status = 'doing'::public.procrastinate_job_status));


--
-- Name: idx_procrastinate_workers_last_heartbeat; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_procrastinate_workers_last_heartbeat ON public.procrastinate_workers USING btree (last_heartbeat);


--
-- Name: login_failure_by_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX login_failure_by_account ON public.projects_loginfailure USING btree (account, "time");


--
-- Name: login_failure_by_address; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX login_failure_by_address ON public.projects_loginfailure USING btree (address, "time");


--
-- Name: login_failure_by_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX login_failure_by_time ON public.projects_loginfailure USING btree ("time");


--
-- Name: match_by_trigger; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX match_by_trigger ON public.events_triggermatch USING btree (trigger_id, id);


--
-- Name: namespace_by_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX namespace_by_id ON public.events_namespace USING btree (dataset_id, id);


--
-- Name: pipeline_by_definition; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pipeline_by_definition ON public.projects_pipeline USING btree (definition_id, event_time, id);


--
-- Name: pipeline_by_delete; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pipeline_by_delete ON public.projects_pipeline USING btree (delete_time) WHERE (delete_time IS NOT NULL);


--
-- Name: pipeline_by_event; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pipeline_by_event ON public.projects_pipeline USING btree (event_id);


--
-- Name: pipeline_by_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pipeline_by_id ON public.projects_pipeline USING btree (project_id, id);


--
-- Name: pipeline_by_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pipeline_by_time ON public.projects_pipeline USING btree (project_id, event_time, id);


--
-- Name: pipeline_failed; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pipeline_failed ON public.projects_pipeline USING btree (project_id, end_time) WHERE ((status)::text = 'failed'::text);


--
-- Name: pipeline_one_at_a_time; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX pipeline_one_at_a_time ON public.projects_pipeline USING btree (definition_id) WHERE ((NOT concurrent) AND released AND ((status)::text = ANY ((ARRAY['created'::character varying, 'started'::character varying])::text[])));


--
-- Name: pipeline_unfinished; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pipeline_unfinished ON public.projects_pipeline USING btree (project_id, id) WHERE ((status)::text = ANY ((ARRAY['created'::character varying, 'started'::character varying])::text[]));


--
-- Name: platform_event_by_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX platform_event_by_id ON public.projects_platformevent USING btree (project_id, id);


--
-- Name: platform_event_by_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX platform_event_by_time ON public.projects_platformevent USING btree (project_id, event_time, id);


--
-- Name: platform_event_by_trigger; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX platform_event_by_trigger ON public.projects_platformevent USING btree (project_id, trigger_id, id);


--
-- Name: platform_event_of_connector; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX platform_event_of_connector ON public.projects_platformevent USING btree (project_id, connector, id);


--
-- Name: platform_event_of_connector_t; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX platform_event_of_connector_t ON public.projects_platformevent USING btree (project_id, connector, event_time, id);


--
-- Name: platform_event_of_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX platform_event_of_name ON public.projects_platformevent USING btree (project_id, name, id) INCLUDE (connector);


--
-- Name: platform_event_of_name_t; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX platform_event_of_name_t ON public.projects_platformevent USING btree (project_id, name, event_time, id) INCLUDE (connector);


--
-- Name: procrastinate_events_job_id_fkey_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_events_job_id_fkey_v1 ON public.procrastinate_events USING btree (job_id);


--
-- Name: procrastinate_jobs_id_lock_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_jobs_id_lock_idx_v1 ON public.procrastinate_jobs USING btree (id, lock) WHERE (status = ANY (ARRAY['todo'::public.procrastinate_job_status, 'doing'::public.procrastinate_job_status]));


--
-- Name: procrastinate_jobs_lock_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX procrastinate_jobs_lock_idx_v1 ON public.procrastinate_jobs USING btree (lock) WHERE (status = 'doing'::public.procrastinate_job_status);


--
-- Name: procrastinate_jobs_priority_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_jobs_priority_idx_v1 ON public.procrastinate_jobs USING btree (priority DESC, id) WHERE (status = 'todo'::public.procrastinate_job_status);


--
-- Name: procrastinate_jobs_queue_name_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_jobs_queue_name_idx_v1 ON public.procrastinate_jobs USING btree (queue_name);


--
-- Name: procrastinate_jobs_queueing_lock_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX procrastinate_jobs_queueing_lock_idx_v1 ON public.procrastinate_jobs USING btree (queueing_lock) WHERE (status = 'todo'::public.procrastinate_job_status);


--
-- Name: procrastinate_periodic_defers_job_id_fkey_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_periodic_defers_job_id_fkey_v1 ON public.procrastinate_periodic_defers USING btree (job_id);


--
-- Name: project_by_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX project_by_id ON public.projects_project USING btree (organization_id, id);


--
-- Name: project_by_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX project_by_name ON public.projects_project USING btree (organization_id, name, id);


--
-- Name: projects_account_email_d4a0a808_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_account_email_d4a0a808_like ON public.projects_account USING btree (email varchar_pattern_ops);


--
-- Name: projects_account_id_add4f7da_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_account_id_add4f7da_like ON public.projects_account USING btree (id varchar_pattern_ops);


--
-- Name: projects_account_last_project_id_4743baf4; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_account_last_project_id_4743baf4 ON public.projects_account USING btree (last_project_id);


--
-- Name: projects_account_last_project_id_4743baf4_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_account_last_project_id_4743baf4_like ON public.projects_account USING btree (last_project_id varchar_pattern_ops);


--
-- Name: projects_account_organization_id_17f26e9e; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_account_organization_id_17f26e9e ON public.projects_account USING btree (organization_id);


--
-- Name: projects_account_organization_id_17f26e9e_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_account_organization_id_17f26e9e_like ON public.projects_account USING btree (organization_id varchar_pattern_ops);


--
-- Name: projects_apikey_account_id_9617ee74; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_apikey_account_id_9617ee74 ON public.projects_apikey USING btree (account_id);


--
-- Name: projects_apikey_account_id_9617ee74_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_apikey_account_id_9617ee74_like ON public.projects_apikey USING btree (account_id varchar_pattern_ops);


--
-- Name: projects_apikey_created_by_key_id_1401314e; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_apikey_created_by_key_id_1401314e ON public.projects_apikey USING btree (created_by_key_id);


--
-- Name: projects_apikey_created_by_key_id_1401314e_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_apikey_created_by_key_id_1401314e_like ON public.projects_apikey USING btree (created_by_key_id varchar_pattern_ops);


--
-- Name: projects_apikey_digest_5d0c5249_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_apikey_digest_5d0c5249_like ON public.projects_apikey USING btree (digest varchar_pattern_ops);


--
-- Name: projects_apikey_id_3a802dbf_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_apikey_id_3a802dbf_like ON public.projects_apikey USING btree (id varchar_pattern_ops);


--
-- Name: projects_apikey_organization_id_476957b1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_apikey_organization_id_476957b1 ON public.projects_apikey USING btree (organization_id);


--
-- Name: projects_apikey_organization_id_476957b1_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_apikey_organization_id_476957b1_like ON public.projects_apikey USING btree (organization_id varchar_pattern_ops);


--
-- Name: projects_apikey_project_id_f1dc6518; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_apikey_project_id_f1dc6518 ON public.projects_apikey USING btree (project_id);


--
-- Name: projects_apikey_project_id_f1dc6518_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_apikey_project_id_f1dc6518_like ON public.projects_apikey USING btree (project_id varchar_pattern_ops);


--
-- Name: projects_apikey_replaced_by_id_3b68c70d_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_apikey_replaced_by_id_3b68c70d_like ON public.projects_apikey USING btree (replaced_by_id varchar_pattern_ops);


--
-- Name: projects_commandexecution_event_id_4667d596; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_commandexecution_event_id_4667d596 ON public.projects_commandexecution USING btree (event_id);


--
-- Name: projects_commandexecution_event_id_4667d596_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_commandexecution_event_id_4667d596_like ON public.projects_commandexecution USING btree (event_id varchar_pattern_ops);


--
-- Name: projects_commandexecution_executor_id_29422f02; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_commandexecution_executor_id_29422f02 ON public.projects_commandexecution USING btree (executor_id);


--
-- Name: projects_commandexecution_executor_id_29422f02_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_commandexecution_executor_id_29422f02_like ON public.projects_commandexecution USING btree (executor_id varchar_pattern_ops);


--
-- Name: projects_commandexecution_id_51aef783_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_commandexecution_id_51aef783_like ON public.projects_commandexecution USING btree (id varchar_pattern_ops);


--
-- Name: projects_hook_digest_15d2a96a_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_hook_digest_15d2a96a_like ON public.projects_hook USING btree (digest varchar_pattern_ops);


--
-- Name: projects_hook_id_d0fe8b4f_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_hook_id_d0fe8b4f_like ON public.projects_hook USING btree (id varchar_pattern_ops);


--
-- Name: projects_hook_project_id_7cc4c1a1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_hook_project_id_7cc4c1a1 ON public.projects_hook USING btree (project_id);


--
-- Name: projects_hook_project_id_7cc4c1a1_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_hook_project_id_7cc4c1a1_like ON public.projects_hook USING btree (project_id varchar_pattern_ops);


--
-- Name: projects_hookdelivery_hook_id_ffd07a79; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_hookdelivery_hook_id_ffd07a79 ON public.projects_hookdelivery USING btree (hook_id);


--
-- Name: projects_hookdelivery_hook_id_ffd07a79_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_hookdelivery_hook_id_ffd07a79_like ON public.projects_hookdelivery USING btree (hook_id varchar_pattern_ops);


--
-- Name: projects_identity_id_9108877a_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_identity_id_9108877a_like ON public.projects_identity USING btree (id varchar_pattern_ops);


--
-- Name: projects_identity_project_id_d4a2e590; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_identity_project_id_d4a2e590 ON public.projects_identity USING btree (project_id);


--
-- Name: projects_identity_project_id_d4a2e590_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_identity_project_id_d4a2e590_like ON public.projects_identity USING btree (project_id varchar_pattern_ops);


--
-- Name: projects_installation_id_bac0ebda_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_installation_id_bac0ebda_like ON public.projects_installation USING btree (id varchar_pattern_ops);


--
-- Name: projects_node_name_ddb1bcf3_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_node_name_ddb1bcf3_like ON public.projects_node USING btree (name text_pattern_ops);


--
-- Name: projects_organization_id_6d608b2d_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_organization_id_6d608b2d_like ON public.projects_organization USING btree (id varchar_pattern_ops);


--
-- Name: projects_organization_name_b2996336_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_organization_name_b2996336_like ON public.projects_organization USING btree (name varchar_pattern_ops);


--
-- Name: projects_project_id_12b5a625_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_project_id_12b5a625_like ON public.projects_project USING btree (id varchar_pattern_ops);


--
-- Name: projects_project_organization_id_c93e5ca2; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_project_organization_id_c93e5ca2 ON public.projects_project USING btree (organization_id);


--
-- Name: projects_project_organization_id_c93e5ca2_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_project_organization_id_c93e5ca2_like ON public.projects_project USING btree (organization_id varchar_pattern_ops);


--
-- Name: projects_resource_id_581b395f_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_resource_id_581b395f_like ON public.projects_resource USING btree (id varchar_pattern_ops);


--
-- Name: projects_resource_project_id_316b12b3; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_resource_project_id_316b12b3 ON public.projects_resource USING btree (project_id);


--
-- Name: projects_resource_project_id_316b12b3_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_resource_project_id_316b12b3_like ON public.projects_resource USING btree (project_id varchar_pattern_ops);


--
-- Name: projects_scratchpadentry_pipeline_id_65afeeca; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_scratchpadentry_pipeline_id_65afeeca ON public.projects_scratchpadentry USING btree (pipeline_id);


--
-- Name: projects_scratchpadentry_pipeline_id_65afeeca_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_scratchpadentry_pipeline_id_65afeeca_like ON public.projects_scratchpadentry USING btree (pipeline_id varchar_pattern_ops);


--
-- Name: projects_subscription_project_id_07866803; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_subscription_project_id_07866803 ON public.projects_subscription USING btree (project_id);


--
-- Name: projects_subscription_project_id_07866803_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_subscription_project_id_07866803_like ON public.projects_subscription USING btree (project_id varchar_pattern_ops);


--
-- Name: projects_subscription_trigger_id_77cb4b4c_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_subscription_trigger_id_77cb4b4c_like ON public.projects_subscription USING btree (trigger_id varchar_pattern_ops);


--
-- Name: projects_taskstep_task_id_518b2147; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_taskstep_task_id_518b2147 ON public.projects_taskstep USING btree (task_id);


--
-- Name: projects_taskstep_task_id_518b2147_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_taskstep_task_id_518b2147_like ON public.projects_taskstep USING btree (task_id varchar_pattern_ops);


--
-- Name: resource_by_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_by_id ON public.projects_resource USING btree (project_id, id);


--
-- Name: resource_by_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_by_name ON public.projects_resource USING btree (project_id, name, id);


--
-- Name: resource_by_type_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_by_type_id ON public.projects_resource USING btree (project_id, type, id);


--
-- Name: subscription_by_event; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX subscription_by_event ON public.projects_subscription USING btree (project_id, connector, event);


--
-- Name: subscription_by_tick; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX subscription_by_tick ON public.projects_subscription USING btree (next_tick_time) WHERE (next_tick_time IS NOT NULL);


--
-- Name: task_by_definition; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX task_by_definition ON public.projects_task USING btree (definition_id);


--
-- Name: task_by_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX task_by_id ON public.projects_task USING btree (project_id, id);


--
-- Name: task_by_pipeline; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX task_by_pipeline ON public.projects_task USING btree (pipeline_id, id);


--
-- Name: task_parked; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX task_parked ON public.projects_task USING btree (project_id, id) WHERE parked;


--
-- Name: task_running; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX task_running ON public.projects_task USING btree (heartbeat_time) WHERE (NOT ((worker)::text = ''::text));


--
-- Name: trouble_open_once; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX trouble_open_once ON public.events_sealertrouble USING btree (node, file_name) WHERE (end_time IS NULL);


--
-- Name: events_dataset directory_version; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER directory_version AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.events_dataset FOR EACH STATEMENT EXECUTE FUNCTION public.count_directory_version();


--
-- Name: projects_account directory_version; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER directory_version AFTER INSERT OR DELETE OR UPDATE OF disabled, organization_id OR TRUNCATE ON public.projects_account FOR EACH STATEMENT EXECUTE FUNCTION public.count_directory_version();


--
-- Name: projects_apikey directory_version; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER directory_version AFTER INSERT OR DELETE OR UPDATE OF digest, ingest, read, write, organization_id, account_id, project_id, expiration_time, revocation_time OR TRUNCATE ON public.projects_apikey FOR EACH STATEMENT EXECUTE FUNCTION public.count_directory_version();


--
-- Name: projects_organization directory_version; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER directory_version AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.projects_organization FOR EACH STATEMENT EXECUTE FUNCTION public.count_directory_version();


--
-- Name: projects_project directory_version; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER directory_version AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.projects_project FOR EACH STATEMENT EXECUTE FUNCTION public.count_directory_version();


--
-- Name: procrastinate_jobs procrastinate_jobs_notify_queue_job_aborted_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_jobs_notify_queue_job_aborted_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN (((old.abort_requested = false) AND (new.abort_requested = true) AND (new.status = 'doing'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_notify_queue_abort_job_v1();


--
-- Name: procrastinate_jobs procrastinate_jobs_notify_queue_job_inserted_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_notify_queue_job_inserted_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_abort_requested_events_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_abort_requested_events_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.abort_requested = true)) EXECUTE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_delete_jobs_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_delete_jobs_v1 BEFORE DELETE ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_unlink_periodic_defers_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_scheduled_events_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_scheduled_events_v1 AFTER INSERT OR UPDATE ON public.procrastinate_jobs FOR EACH ROW WHEN (((new.scheduled_at IS NOT NULL) AND (new.status = 'todo'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_status_events_insert_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_status_events_insert_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_status_events_update_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_status_events_update_v1 AFTER UPDATE OF status ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_update_v1();


--
-- Name: auth_group_permissions auth_group_permissio_permission_id_84c5c92e_fk_auth_perm; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissio_permission_id_84c5c92e_fk_auth_perm FOREIGN KEY (permission_id) REFERENCES public.auth_permission(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: auth_group_permissions auth_group_permissions_group_id_b120cbf9_fk_auth_group_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_group_id_b120cbf9_fk_auth_group_id FOREIGN KEY (group_id) REFERENCES public.auth_group(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: auth_permission auth_permission_content_type_id_2f476e4b_fk_django_co; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_content_type_id_2f476e4b_fk_django_co FOREIGN KEY (content_type_id) REFERENCES public.django_content_type(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: django_admin_log django_admin_log_content_type_id_c4bce8eb_fk_django_co; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.django_admin_log
    ADD CONSTRAINT django_admin_log_content_type_id_c4bce8eb_fk_django_co FOREIGN KEY (content_type_id) REFERENCES public.django_content_type(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: django_admin_log django_admin_log_user_id_c564eba6_fk_projects_account_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.django_admin_log
    ADD CONSTRAINT django_admin_log_user_id_c564eba6_fk_projects_account_id FOREIGN KEY (user_id) REFERENCES public.projects_account(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: events_dataset events_dataset_project_id_8d40f93d_fk_projects_project_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_dataset
    ADD CONSTRAINT events_dataset_project_id_8d40f93d_fk_projects_project_id FOREIGN KEY (project_id) REFERENCES public.projects_project(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: events_namespace events_namespace_dataset_id_20af5e83_fk_events_dataset_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_namespace
    ADD CONSTRAINT events_namespace_dataset_id_20af5e83_fk_events_dataset_id FOREIGN KEY (dataset_id) REFERENCES public.events_dataset(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: procrastinate_events procrastinate_events_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id) ON DELETE CASCADE;


--
-- Name: procrastinate_jobs procrastinate_jobs_worker_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES public.procrastinate_workers(id) ON DELETE SET NULL;


--
-- Name: procrastinate_periodic_defers procrastinate_periodic_defers_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id);


--
-- Name: projects_account projects_account_last_project_id_4743baf4_fk_projects_; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_account
    ADD CONSTRAINT projects_account_last_project_id_4743baf4_fk_projects_ FOREIGN KEY (last_project_id) REFERENCES public.projects_project(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_account projects_account_organization_id_17f26e9e_fk_projects_; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_account
    ADD CONSTRAINT projects_account_organization_id_17f26e9e_fk_projects_ FOREIGN KEY (organization_id) REFERENCES public.projects_organization(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_apikey projects_apikey_account_id_9617ee74_fk_projects_account_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_apikey
    ADD CONSTRAINT projects_apikey_account_id_9617ee74_fk_projects_account_id FOREIGN KEY (account_id) REFERENCES public.projects_account(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_apikey projects_apikey_created_by_key_id_1401314e_fk_projects_; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_apikey
    ADD CONSTRAINT projects_apikey_created_by_key_id_1401314e_fk_projects_ FOREIGN KEY (created_by_key_id) REFERENCES public.projects_apikey(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_apikey projects_apikey_organization_id_476957b1_fk_projects_; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_apikey
    ADD CONSTRAINT projects_apikey_organization_id_476957b1_fk_projects_ FOREIGN KEY (organization_id) REFERENCES public.projects_organization(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_apikey projects_apikey_project_id_f1dc6518_fk_projects_project_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_apikey
    ADD CONSTRAINT projects_apikey_project_id_f1dc6518_fk_projects_project_id FOREIGN KEY (project_id) REFERENCES public.projects_project(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_apikey projects_apikey_replaced_by_id_3b68c70d_fk_projects_apikey_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_apikey
    ADD CONSTRAINT projects_apikey_replaced_by_id_3b68c70d_fk_projects_apikey_id FOREIGN KEY (replaced_by_id) REFERENCES public.projects_apikey(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_commandexecution projects_commandexec_event_id_4667d596_fk_projects_; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_commandexecution
    ADD CONSTRAINT projects_commandexec_event_id_4667d596_fk_projects_ FOREIGN KEY (event_id) REFERENCES public.projects_platformevent(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_commandexecution projects_commandexec_executor_id_29422f02_fk_projects_; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_commandexecution
    ADD CONSTRAINT projects_commandexec_executor_id_29422f02_fk_projects_ FOREIGN KEY (executor_id) REFERENCES public.projects_account(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_commandexecution projects_commandexec_project_id_d929a402_fk_projects_; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_commandexecution
    ADD CONSTRAINT projects_commandexec_project_id_d929a402_fk_projects_ FOREIGN KEY (project_id) REFERENCES public.projects_project(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_hook projects_hook_project_id_7cc4c1a1_fk_projects_project_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_hook
    ADD CONSTRAINT projects_hook_project_id_7cc4c1a1_fk_projects_project_id FOREIGN KEY (project_id) REFERENCES public.projects_project(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_hookdelivery projects_hookdelivery_hook_id_ffd07a79_fk_projects_hook_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_hookdelivery
    ADD CONSTRAINT projects_hookdelivery_hook_id_ffd07a79_fk_projects_hook_id FOREIGN KEY (hook_id) REFERENCES public.projects_hook(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_identity projects_identity_project_id_d4a2e590_fk_projects_project_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_identity
    ADD CONSTRAINT projects_identity_project_id_d4a2e590_fk_projects_project_id FOREIGN KEY (project_id) REFERENCES public.projects_project(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_pipeline projects_pipeline_definition_id_b97d9df5_fk_projects_; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_pipeline
    ADD CONSTRAINT projects_pipeline_definition_id_b97d9df5_fk_projects_ FOREIGN KEY (definition_id) REFERENCES public.projects_resource(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_pipeline projects_pipeline_event_id_abe4cc91_fk_projects_; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_pipeline
    ADD CONSTRAINT projects_pipeline_event_id_abe4cc91_fk_projects_ FOREIGN KEY (event_id) REFERENCES public.projects_platformevent(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_pipeline projects_pipeline_project_id_8c23dfc4_fk_projects_project_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_pipeline
    ADD CONSTRAINT projects_pipeline_project_id_8c23dfc4_fk_projects_project_id FOREIGN KEY (project_id) REFERENCES public.projects_project(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_platformevent projects_platformeve_project_id_1b7da36f_fk_projects_; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_platformevent
    ADD CONSTRAINT projects_platformeve_project_id_1b7da36f_fk_projects_ FOREIGN KEY (project_id) REFERENCES public.projects_project(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_project projects_project_organization_id_c93e5ca2_fk_projects_; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_project
    ADD CONSTRAINT projects_project_organization_id_c93e5ca2_fk_projects_ FOREIGN KEY (organization_id) REFERENCES public.projects_organization(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_resource projects_resource_project_id_316b12b3_fk_projects_project_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_resource
    ADD CONSTRAINT projects_resource_project_id_316b12b3_fk_projects_project_id FOREIGN KEY (project_id) REFERENCES public.projects_project(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_scratchpadentry projects_scratchpade_pipeline_id_65afeeca_fk_projects_; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_scratchpadentry
    ADD CONSTRAINT projects_scratchpade_pipeline_id_65afeeca_fk_projects_ FOREIGN KEY (pipeline_id) REFERENCES public.projects_pipeline(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_subscription projects_subscriptio_project_id_07866803_fk_projects_; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_subscription
    ADD CONSTRAINT projects_subscriptio_project_id_07866803_fk_projects_ FOREIGN KEY (project_id) REFERENCES public.projects_project(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_subscription projects_subscriptio_trigger_id_77cb4b4c_fk_projects_; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_subscription
    ADD CONSTRAINT projects_subscriptio_trigger_id_77cb4b4c_fk_projects_ FOREIGN KEY (trigger_id) REFERENCES public.projects_resource(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_task projects_task_definition_id_2aa41272_fk_projects_resource_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_task
    ADD CONSTRAINT projects_task_definition_id_2aa41272_fk_projects_resource_id FOREIGN KEY (definition_id) REFERENCES public.projects_resource(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_task projects_task_pipeline_id_11a696bb_fk_projects_pipeline_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_task
    ADD CONSTRAINT projects_task_pipeline_id_11a696bb_fk_projects_pipeline_id FOREIGN KEY (pipeline_id) REFERENCES public.projects_pipeline(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_task projects_task_project_id_a1b987d6_fk_projects_project_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_task
    ADD CONSTRAINT projects_task_project_id_a1b987d6_fk_projects_project_id FOREIGN KEY (project_id) REFERENCES public.projects_project(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: projects_taskstep projects_taskstep_task_id_518b2147_fk_projects_task_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects_taskstep
    ADD CONSTRAINT projects_taskstep_task_id_518b2147_fk_projects_task_id FOREIGN KEY (task_id) REFERENCES public.projects_task(id) DEFERRABLE INITIALLY DEFERRED;


--
-- PostgreSQL database dump complete
--


