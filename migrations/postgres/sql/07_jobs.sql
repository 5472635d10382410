-- Jobs live in procrastinate's tables (installed before this file). The app's role can only
-- defer a job of its own tenant, in its own transaction, and never read the queue.

create function app.defer_job(
  task text, args jsonb, queue text, queueing_lock text, lock text, scheduled_at timestamptz, priority int
) returns bigint language plpgsql security definer set search_path = pg_catalog, public as $$
declare job bigint;
begin
  if session_user <> 'groundswell_system' and (args ->> 'tenant_id')::uuid is distinct from
     nullif(current_setting('app.current_tenant_id', true), '')::uuid then
    raise exception 'a job belongs to the tenant of its transaction' using errcode = '42501';
  end if;
  if queueing_lock is not null and exists (
    select 1 from procrastinate_jobs j where j.queueing_lock = defer_job.queueing_lock and j.status = 'todo'
  ) then
    return null;
  end if;
  insert into procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
  values (queue, task, priority, lock, queueing_lock, args, scheduled_at)
  on conflict do nothing
  returning id into job;
  return job;
end $$;
revoke all on function app.defer_job from public;
grant execute on function app.defer_job to groundswell_app, groundswell_system;
grant select, insert, update, delete on all tables in schema public to groundswell_system;
revoke update, delete on audit_log, audit_seals from groundswell_system;
revoke all on alembic_version from groundswell_system;
grant usage, select on all sequences in schema public to groundswell_system;
grant usage on all sequences in schema public to groundswell_app;
