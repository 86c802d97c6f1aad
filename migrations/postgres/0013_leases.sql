-- who may do a piece of work now, such as sending to one partner. Whoever takes it over raises the
-- epoch, and a commit that names an older one touches no row
create table lease (
    name text not null primary key,
    epoch bigint not null,
    holder text not null,
    held_until text not null
);
