-- what came up last against a scope that was halted already: who had agreed to lift the halt did not know of it
alter table halt add column later_cause text;
alter table halt add column later_at text;
