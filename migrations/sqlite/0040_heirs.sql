-- who is paid what is still due to somebody who has died: one officer names the heir, another confirms it
create table heir (
    heir_no bigint not null primary key,
    shard bigint not null,
    person_no bigint not null,
    -- sealed: the heir, where they are paid, the day of the death and the paper
    record blob not null,
    state text not null check (state in ('proposed', 'confirmed', 'withdrawn')),
    proposed_by text not null,
    proposed_at text not null,
    confirmed_by text,
    confirmed_at text,
    withdrawn_by text,
    withdrawn_at text,
    withdrawn_reason blob,
    check (confirmed_by is null or confirmed_by <> proposed_by),
    check (state <> 'confirmed' or confirmed_by is not null),
    check ((state = 'withdrawn') = (withdrawn_by is not null))
) without rowid;

-- one heir of a person at a time
create unique index one_heir on heir (shard, person_no) where state in ('proposed', 'confirmed');

-- for which naming a payable was made
alter table payable add column heir_no bigint;
create index payable_for_heir on payable (cycle_no) where heir_no is not null;

-- for which namings a cycle is computed, as a digest
alter table cycle add column heirs text;
