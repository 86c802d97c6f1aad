-- orders that moved from a file that never left into another, with the same end-to-end ids
create table moved (
    cycle_no bigint not null,
    from_batch bigint not null,
    to_batch bigint not null,
    item_count bigint not null check (item_count > 0),
    total_minor bigint not null check (total_minor > 0),
    moved_at text not null,
    primary key (cycle_no, from_batch)
);
