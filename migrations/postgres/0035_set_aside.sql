-- since when what an estate owed is not owed: the evidence of the death was found wrong
alter table receivable add column set_aside_at text;
