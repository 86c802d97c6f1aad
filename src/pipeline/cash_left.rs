//! The cash that an organisation has of ours, and what is to be drawn for its next list.

/// Our books of one organisation, minor units.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct CashBooks {
    /// Made available to it.
    pub drawn: i128,
    /// Signed for at its pay points.
    pub paid: i128,
    /// Sent back to our account.
    pub given_back: i128,
    /// Ordered of it, and neither paid nor reported as left over yet.
    pub open: i128,
    /// Lines of lists that it does not have yet.
    pub next: i128,
}

impl CashBooks {
    /// What it has of ours. Less than nothing means that a draw was not recorded.
    pub fn balance(&self) -> i128 {
        self.drawn - self.paid - self.given_back
    }

    /// What is left over: no payment waits for it any more.
    pub fn left_over(&self) -> i128 {
        self.balance() - self.open
    }

    /// What its next lists cost, less what is left over. Nothing is drawn for what it has.
    pub fn to_draw(&self) -> i128 {
        (self.next - self.left_over()).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_is_the_lines_of_the_next_list_less_what_is_left_over() {
        for (drawn, paid, given_back, open, next, expected) in [
            (0, 0, 0, 0, 0, (0, 0)),
            (0, 0, 0, 0, 1_500, (0, 1_500)),
            // Everybody has reported: the balance is what nobody collected.
            (1_500, 1_000, 0, 0, 2_000, (500, 1_500)),
            // What may still be collected is not for the next list.
            (1_500, 500, 0, 500, 2_000, (1_000, 1_500)),
            (1_500, 500, 1_000, 0, 2_000, (0, 2_000)),
            (1_500, 500, 0, 0, 400, (1_000, 0)),
            // A draw was not recorded: what is missing is told, and drawn.
            (0, 500, 0, 0, 100, (-500, 600)),
        ] {
            let books = CashBooks { drawn, paid, given_back, open, next };
            assert_eq!((books.balance(), books.to_draw()), expected, "{books:?}");
        }
    }
}
