-- The next window of a batch is recorded while the requests of the one before it leave, so that two may be open:
-- both together are at most a second of the partner's quota.

drop index one_open_window;
create unique index two_open_windows on send_window (cycle_no, batch_no, (window_no % 2))
    where outcome = 'started';
