-- what two persons give up is what was left then; when what was on its way falls away, it is given up as a
-- part of its own, or got back
alter table write_off add column part bigint not null default 1;

alter table write_off alter column part drop default;

alter table write_off drop constraint write_off_pkey;

alter table write_off add primary key (receivable_no, part);
