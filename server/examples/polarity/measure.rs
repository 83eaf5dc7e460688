//! Accuracy and macro-F1 of a polarity on labelled texts.

/// Counts of (labelled, found), each -1, 0 or +1.
#[derive(Clone, Copy, Default)]
pub struct Confusion([[u32; 3]; 3]);

impl Confusion {
    pub fn add(&mut self, labelled: i8, found: i8) {
        self.0[place(labelled)][place(found)] += 1;
    }

    pub fn plus(mut self, other: Self) -> Self {
        for (row, others) in self.0.iter_mut().zip(other.0) {
            for (count, more) in row.iter_mut().zip(others) {
                *count += more;
            }
        }
        self
    }

    pub fn total(&self) -> u32 {
        self.0.iter().flatten().sum()
    }

    pub fn accuracy(&self) -> f64 {
        f64::from((0..3).map(|at| self.0[at][at]).sum::<u32>()) / f64::from(self.total().max(1))
    }

    /// The mean of the three classes' F1.
    pub fn macro_f1(&self) -> f64 {
        let f1 = |at: usize| {
            let right = f64::from(self.0[at][at]);
            let labelled = f64::from(self.0[at].iter().sum::<u32>());
            let found = f64::from(self.0.iter().map(|row| row[at]).sum::<u32>());
            if right == 0.0 { 0.0 } else { 2.0 * right / (labelled + found) }
        };
        (0..3).map(f1).sum::<f64>() / 3.0
    }
}

fn place(polarity: i8) -> usize {
    match polarity {
        ..0 => 0,
        0 => 1,
        1.. => 2,
    }
}
