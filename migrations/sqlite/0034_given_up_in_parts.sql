-- what two persons give up is what was left then; when what was on its way falls away, it is given up as a
-- part of its own, or got back
create table write_off_part (
    receivable_no bigint not null,
    part bigint not null,
    amount_minor bigint not null check (amount_minor > 0),
    reason blob not null,
    proposed_by text not null,
    proposed_at text not null,
    confirmed_by text,
    confirmed_at text,
    primary key (receivable_no, part),
    check (confirmed_by is null or confirmed_by <> proposed_by)
);

insert into write_off_part
    (receivable_no, part, amount_minor, reason, proposed_by, proposed_at, confirmed_by, confirmed_at)
    select receivable_no, 1, amount_minor, reason, proposed_by, proposed_at, confirmed_by, confirmed_at
    from write_off;

drop table write_off;

alter table write_off_part rename to write_off;
