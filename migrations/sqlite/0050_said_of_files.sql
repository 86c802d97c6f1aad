-- items of answers that decided payments of a file as a whole: what is said of a payment by itself stands against them
create table said_of_file (
    answer_no bigint not null,
    item bigint not null,
    cycle_no bigint not null,
    batch_no bigint not null,
    primary key (answer_no, item)
);
create index said_of_file_of_cycle on said_of_file (cycle_no);
