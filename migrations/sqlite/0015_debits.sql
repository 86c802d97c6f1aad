-- the day on which our account was debited for an order: the bank took the money, which by itself does not
-- prove that the payee has it
alter table instruction add column debited_on text;

-- what was debited and of which nothing more is known, by file and day
create index debited on instruction (cycle_no, batch_no, debited_on)
    where debited_on is not null and state in ('in_batch', 'unknown');
