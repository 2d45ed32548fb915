-- Django gives every key of text a second index for LIKE. Ours sort by bytes (collation "C"), so the first one serves
-- that too, and each moves a task's row three times in its life: seven indexes to write became four.
DO $$
DECLARE
    index_name text;
BEGIN
    FOR index_name IN
        SELECT indexname FROM pg_indexes
        WHERE schemaname = current_schema() AND indexname LIKE '%\_like'
        AND tablename IN ('projects_task', 'projects_pipeline', 'projects_platformevent')
    LOOP
        EXECUTE format('DROP INDEX %I', index_name);
    END LOOP;
END
$$;
