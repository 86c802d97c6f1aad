-- files that were written again from the sealed list, because the archived copy was changed or lost
create table file_restoration (
    restoration_no bigint not null primary key,
    cycle_no bigint not null,
    batch_no bigint not null,
    found text not null,
    restored_at text not null
);
