//! How far enrolments reach into the past, and how they were listed there.
//!
//! A month is decided by what was listed for it: what is listed now counts from the month in which it was
//! listed first, or from that in which a new decision starts. What was listed first counts for all months
//! before.

use jiff::civil::Date;

use crate::domain::period::Period;
use crate::rules::evaluate::{self, Amounts, Held, Month, Standing, Tracer, Untraced, Window};
use crate::rules::law::LawBook;
use crate::rules::pack::{BenefitKind, NOTHING_APPLIES};
use crate::rules::question::{EnrolmentCase, Next, PersonCase};

use super::Cycle;

/// How the enrolments of one person reach into the past.
#[derive(Default)]
pub(super) struct Reaches {
    spans: Vec<Span>,
    /// Where the spans of each enrolment begin.
    starts: Vec<usize>,
}

/// What a month comes to, and the span that says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decided {
    pub span: usize,
    pub month: Month,
}

/// What one listing comes to, and up to which month it counts.
#[derive(Clone, Copy, Debug)]
struct Span {
    /// None for what is listed now.
    until: Option<Period>,
    /// The place of the listing.
    listing: usize,
    /// The sender said that the enrolment had ended.
    is_ended: bool,
    reach: Reach,
}

impl Reaches {
    pub fn clear(&mut self) {
        self.spans.clear();
        self.starts.clear();
    }

    pub fn push<'a>(
        &mut self,
        book: &LawBook<'a>,
        cycle: &Cycle,
        person: &PersonCase<'a>,
        enrolment: &EnrolmentCase<'a>,
    ) {
        let start = self.spans.len();
        self.starts.push(start);
        let now = reach(book, cycle, person, &enrolment.listing(enrolment.before.len()));
        // What is owed once is decided as it is listed now: in another month it would be owed twice.
        let before = match now.kind {
            BenefitKind::Monthly => enrolment.before,
            BenefitKind::OneOff => &[],
        };
        for (listing, listed) in before.iter().enumerate() {
            let reach = reach(book, cycle, person, &enrolment.listing(listing));
            let (until, is_ended) = (Some(listed.until), listed.is_ended);
            self.spans.push(Span { until, listing, is_ended, reach });
        }
        let listing = enrolment.before.len();
        let is_ended = enrolment.is_ended;
        self.spans.push(Span { until: None, listing, is_ended, reach: now });
        for (at, listed) in before.iter().enumerate().map(|(at, listed)| (start + at, listed)) {
            // What was released, and determined, stays.
            let is_settled = |gone: Period, until: Period| {
                let mut determined = enrolment.history.iter().filter(|one| one.amount_minor > 0);
                determined.any(|one| (gone..until).contains(&one.period))
            };
            // Who comes back to be told as ended had ended when the row was gone.
            if self.spans[at + 1].is_ended
                && let Some(gone) = listed.gone_from.filter(|gone| !is_settled(*gone, listed.until))
            {
                self.spans[at].until = Some(gone);
            }
            let Standing::Within(window) = self.spans[at + 1].reach.standing else { continue };
            // Until a new decision starts, the one before it stands.
            self.spans[at].until = Some(match listed.next {
                Next::AsListed => listed.until,
                Next::DecidedAnew => window.start,
                Next::NotBeforeItsStart => listed.until.max(window.start),
            });
            // Who came back with a start of then says that the months without the row are not owed.
            // A start that was named before the row was gone says nothing of that.
            let is_new = !matches!(
                self.spans[at].reach.standing,
                Standing::Within(before) if before.start == window.start
            );
            let returned = |gone: &Period| {
                let is_after = *gone < window.start && window.start <= listed.until;
                is_new && is_after && !is_settled(*gone, window.start)
            };
            if let Some(gone) = listed.gone_from.filter(returned) {
                self.spans[at].until = self.spans[at].until.map(|until| until.min(gone));
            }
        }
    }

    /// What a month comes to by what was listed for it. Where that does not say enough, by what was listed next: a
    /// row that was mended says what was meant.
    pub fn decide<'a>(
        &self,
        book: &LawBook<'a>,
        person: &PersonCase<'a>,
        (at, enrolment): (usize, &EnrolmentCase<'a>),
        period: Period,
    ) -> Decided {
        let first = self.starts[at];
        let spans = self.spans_of(at);
        let later = |span: &Span| span.until.is_some_and(|until| period >= until);
        let start = spans.iter().rposition(later).map_or(0, |at| at + 1);
        let decided = |offset: usize| {
            let span = &spans[offset];
            let listed = enrolment.listing(span.listing);
            let month = span.reach.month(book, person, &listed, period, &mut Untraced);
            Decided { span: first + offset, month }
        };
        let as_listed = decided(start);
        let is_settled = Amounts::determined(period, enrolment.history).is_some();
        let is_of_now = start + 1 == spans.len();
        if !matches!(as_listed.month, Month::Held(_)) || is_of_now {
            return as_listed;
        }
        // What starts later says nothing of the month; then what was listed before it does.
        let may_say = |offset: &usize| {
            let span = &spans[*offset];
            let is_later =
                matches!(span.reach.standing, Standing::Within(window) if period < window.start);
            !span.is_ended && !is_later
        };
        let says_enough = |one: &Decided| !matches!(one.month, Month::Held(_));
        // What was determined is not decided anew by what was listed before.
        let before = 0..if is_settled { 0 } else { start };
        let mut others = (start + 1..spans.len()).chain(before.rev()).filter(may_say);
        others.find_map(|offset| Some(decided(offset)).filter(says_enough)).unwrap_or(as_listed)
    }

    /// How far what decided a month reaches.
    pub fn reach(&self, span: usize) -> &Reach {
        &self.spans[span].reach
    }

    /// The day of the decision on which a span rests.
    pub fn decided_on(&self, span: usize, enrolment: &EnrolmentCase<'_>) -> Option<Date> {
        enrolment.listing(self.spans[span].listing).decision_date
    }

    /// Whether what decided a month says that somebody else paid it.
    pub fn was_paid_elsewhere(
        &self,
        span: usize,
        enrolment: &EnrolmentCase<'_>,
        period: Period,
    ) -> bool {
        let through = enrolment.listing(self.spans[span].listing).paid_through;
        through.is_some_and(|through| period <= through)
    }

    /// The listing that counts for a month, of an enrolment by itself.
    pub fn listed_for<'a>(
        book: &LawBook<'a>,
        cycle: &Cycle,
        person: &PersonCase<'a>,
        enrolment: &EnrolmentCase<'a>,
        period: Period,
    ) -> EnrolmentCase<'a> {
        let mut reaches = Reaches::default();
        reaches.push(book, cycle, person, enrolment);
        let decided = reaches.decide(book, person, (0, enrolment), period);
        enrolment.listing(reaches.spans[decided.span].listing)
    }

    /// The first month for which any line may be made.
    pub fn first(&self) -> Option<Period> {
        self.spans.iter().filter_map(|span| span.reach.from).min()
    }

    pub fn is_held(&self, enrolment: usize) -> bool {
        let spans = self.spans_of(enrolment);
        spans.iter().all(|span| matches!(span.reach.standing, Standing::Held(_)))
    }

    pub fn hold(&mut self, enrolment: usize, held: Held) {
        let end = self.starts.get(enrolment + 1).copied().unwrap_or(self.spans.len());
        for span in &mut self.spans[self.starts[enrolment]..end] {
            (span.reach.standing, span.reach.from) = (Standing::Held(held), None);
        }
    }

    fn spans_of(&self, enrolment: usize) -> &[Span] {
        let end = self.starts.get(enrolment + 1).copied().unwrap_or(self.spans.len());
        &self.spans[self.starts[enrolment]..end]
    }
}

/// How far an enrolment reaches into the past, and what it is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    pub standing: Standing,
    pub kind: BenefitKind,
    /// The first month for which lines may be made; None when there is none.
    pub from: Option<Period>,
}

impl Reach {
    /// Whether lines may be made for a month.
    pub fn is_open(&self, period: Period) -> bool {
        self.from.is_some_and(|from| period >= from)
    }

    /// The month in which what is owed once is settled; None for what is owed each month.
    pub fn only_month(&self) -> Option<Period> {
        match (self.kind, self.standing) {
            (BenefitKind::OneOff, Standing::Within(window)) => Some(window.start),
            _ => None,
        }
    }

    pub fn month<'a, T: Tracer<'a>>(
        &self,
        book: &LawBook<'a>,
        person: &PersonCase<'a>,
        enrolment: &EnrolmentCase<'a>,
        period: Period,
        tracer: &mut T,
    ) -> Month {
        match self.standing {
            Standing::Nil(clause) => Month::Nil(clause),
            Standing::Held(held) => Month::Held(held),
            Standing::Within(window) => {
                // What is owed once is owed for the month in which it starts, and no other.
                if self.kind == BenefitKind::OneOff && period != window.start {
                    return Month::Nil(window.start_clause);
                }
                evaluate::month(book, person, enrolment, &window, period, tracer)
            }
        }
    }
}

fn reach<'a>(
    book: &LawBook<'a>,
    cycle: &Cycle,
    person: &PersonCase<'a>,
    enrolment: &EnrolmentCase<'a>,
) -> Reach {
    let benefits = book.pack().benefits();
    let kind = benefits.get(enrolment.benefit.index()).map_or(BenefitKind::Monthly, |b| b.kind);
    let standing = match enrolment.is_ended {
        true => Standing::Nil(NOTHING_APPLIES),
        false => evaluate::window(book, person, enrolment, &mut Untraced),
    };
    let settled = enrolment.paid_through.map_or(cycle.history_from, |through| through.plus(1));
    let from = match standing {
        Standing::Within(window) => first_open(kind, enrolment, &window, settled),
        // A row that is not owed anything may still have been paid.
        Standing::Nil(_) => earliest_determined(enrolment, settled),
        Standing::Held(_) => None,
    };
    match from {
        // Months before the pack's law cannot be recomputed; nothing is guessed about them.
        Some(from) if from < book.first() => {
            let standing = Standing::Held(Held::LawNotCovered(from));
            Reach { standing, kind, from: None }
        }
        from => Reach { standing, kind, from },
    }
}

/// The first month that is neither settled by the predecessor nor before everything owed and paid.
fn first_open(
    kind: BenefitKind,
    enrolment: &EnrolmentCase<'_>,
    window: &Window,
    settled: Period,
) -> Option<Period> {
    let open = match kind {
        BenefitKind::Monthly => Some(window.start.max(settled)),
        // The predecessor settled what was decided in its time, whenever the event was.
        BenefitKind::OneOff => {
            let decided = enrolment.decision_date.and_then(|date| Period::of(date).ok());
            let due = decided.map_or(window.start, |decided| decided.max(window.start));
            let is_determined = enrolment.history.iter().any(|one| one.amount_minor != 0);
            (due >= settled || is_determined).then_some(window.start)
        }
    };
    match (open, earliest_determined(enrolment, settled)) {
        (Some(open), Some(determined)) => Some(open.min(determined)),
        (open, determined) => open.or(determined),
    }
}

fn earliest_determined(enrolment: &EnrolmentCase<'_>, settled: Period) -> Option<Period> {
    enrolment.history.iter().map(|entry| entry.period).filter(|period| *period >= settled).min()
}
