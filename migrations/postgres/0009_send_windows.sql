-- a page of requests to a partner that takes payments one by one; written before a byte of it leaves

create table send_window (
    cycle_no bigint not null,
    batch_no bigint not null,
    window_no bigint not null,
    -- lines of the batch's file, from 1: `1-50` or `7,12-13`
    lines text not null,
    started_at text not null,
    ended_at text,
    outcome text not null check (outcome in ('started', 'ended', 'lost')),
    -- lines that are proved not to have left, to be sent in another window
    unsent text not null,
    primary key (cycle_no, batch_no, window_no)
);

-- one window of a batch is open at a time: what a process left open is decided before another begins
create unique index one_open_window on send_window (cycle_no, batch_no) where outcome = 'started';
