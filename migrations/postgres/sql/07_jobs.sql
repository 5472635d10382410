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
create index procrastinate_jobs_tenant on procrastinate_jobs ((args ->> 'tenant_id'), id desc)
  where status in ('todo', 'doing', 'failed');

-- Why a job failed the last time: a sentence, never a stack trace. No foreign key: the queue's
-- tables have no tenant; the worker clears what belongs to no job.
create table job_errors (
  tenant_id uuid not null references tenants on delete cascade,
  job_id bigint not null,
  error text not null,
  at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, job_id)
);
call app.protect('job_errors', 'select');

-- A tenant's own jobs that are not finished. The view reads the queue with its owner's rights and
-- shows the tenant of the transaction only.
create view tenant_jobs with (security_barrier = true) as
select (j.args ->> 'tenant_id')::uuid as tenant_id, j.id as job_id, j.task_name as name,
       j.status::text as status, j.attempts, j.scheduled_at, e.error, e.at as failed_at,
       (select min(v.at) from procrastinate_events v where v.job_id = j.id) as created_at
from procrastinate_jobs j
left join job_errors e on e.job_id = j.id and e.tenant_id = (j.args ->> 'tenant_id')::uuid
where j.status in ('todo', 'doing', 'failed')
  and j.args ->> 'tenant_id' = (select nullif(current_setting('app.current_tenant_id', true), ''));
grant select on tenant_jobs to groundswell_app;

-- Run failed jobs of the transaction's tenant again: one, or all of them. Returns how many.
create function app.retry_jobs(job bigint) returns bigint
language plpgsql security definer set search_path = pg_catalog, public as $$
declare count bigint := 0; found bigint;
begin
  for found in
    select j.id from procrastinate_jobs j
    where j.status = 'failed' and (job is null or j.id = job)
      and j.args ->> 'tenant_id' = nullif(current_setting('app.current_tenant_id', true), '')
      -- Another job with the same word is waiting already and will do the work.
      and not exists (select from procrastinate_jobs w
                      where w.queueing_lock = j.queueing_lock and w.status = 'todo')
    order by j.id for update
  loop
    begin
      update procrastinate_jobs set status = 'todo', attempts = 0, scheduled_at = now() where id = found;
      count := count + 1;
    exception when unique_violation then null;
    end;
  end loop;
  if count > 0 then
    perform pg_notify('procrastinate_any_queue_v1', '{"type": "job_inserted", "job_id": 0}');
  end if;
  return count;
end $$;
revoke all on function app.retry_jobs from public;
grant execute on function app.retry_jobs to groundswell_app;

grant select, insert, update, delete on all tables in schema public to groundswell_system;
revoke update, delete on audit_log, audit_seals from groundswell_system;
revoke insert, update, delete on alembic_version from groundswell_system;
grant usage, select on all sequences in schema public to groundswell_system;
grant usage on all sequences in schema public to groundswell_app;
