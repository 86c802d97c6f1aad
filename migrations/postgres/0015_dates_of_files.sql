-- each list has its own day: when its files say they were created, fixed before the first is rendered.
-- Files of before carry the moment of their cycle's sealing, and keep their bytes
alter table batch add column created_at text;

update batch set created_at = (select c.sealed_at from cycle c where c.cycle_no = batch.cycle_no);
