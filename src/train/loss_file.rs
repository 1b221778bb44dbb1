//! `loss.txt`: a line for every step of a run, for a person or a plotting program.
//!
//! ```text
//! # step, training loss, validation loss (nats per token)
//! 1 7.624581
//! 2 7.598912 7.601127
//! ```
//!
//! A step adds its line at once, but the state of a run is saved only now and then. After an interruption, the file can
//! therefore be ahead of the state. It is then cut back to the state's step, and the later steps are made again. It
//! must never be behind, because nothing could bring its lines back. That is why it is on the disk before the state is.

use super::step::StepReport;
use crate::checkpoint;
use crate::error::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The name of the file with the losses.
pub(super) const LOSS_FILE: &str = "loss.txt";

/// The first line.
const HEADING: &str = "# step, training loss, validation loss (nats per token)\n";

/// The loss file of a run.
#[derive(Debug)]
pub(super) struct LossFile {
    path: PathBuf,
}

impl LossFile {
    /// The loss file in the directory of a run. Nothing is read or written yet.
    pub fn new(dir: &Path) -> LossFile {
        LossFile { path: dir.join(LOSS_FILE) }
    }

    /// Adds the line of a step.
    pub fn append(&self, report: &StepReport) -> Result<()> {
        let valid = report.valid_loss.map_or(String::new(), |loss| format!(" {loss:.6}"));
        let line = format!("{} {:.6}{valid}\n", report.step, report.loss);
        // In one piece, so a program that watches the file sees whole lines.
        let written = self.open().and_then(|mut file| file.write_all(line.as_bytes()));
        written.map_err(|e| Error::io(&self.path, "written", e))
    }

    /// Cuts the file back to the first `n_steps` steps, or creates it. A line that an interruption cut short is removed
    /// too. Returns how many later steps had a line.
    pub fn cut(&self, n_steps: u64) -> Result<u64> {
        let text = match self.path.exists() {
            true => fs::read_to_string(&self.path).map_err(|e| Error::io(&self.path, "read", e))?,
            false => String::new(),
        };
        let (mut kept, mut n_cut) = (String::from(HEADING), 0);
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let step = line.split(' ').next().and_then(|word| word.parse::<u64>().ok());
            match step {
                Some(step) if step <= n_steps => kept.push_str(line),
                Some(_) => n_cut += 1,
                None => {} // the heading
            }
        }
        checkpoint::write_beside(&self.path, kept.as_bytes())?;
        Ok(n_cut)
    }

    /// Waits until every line is on the disk.
    pub fn sync(&self) -> Result<()> {
        self.open().and_then(|file| file.sync_all()).map_err(|e| Error::io(&self.path, "written", e))
    }

    fn open(&self) -> std::io::Result<File> {
        OpenOptions::new().create(true).append(true).open(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of its own for a test.
    fn directory(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("gpt60-loss-file-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    fn report(step: u64, loss: f64, valid_loss: Option<f64>) -> StepReport {
        StepReport { step, loss, valid_loss, lr: 0.1, grad_norm: 1.0, n_tokens: 8 }
    }

    #[test]
    fn a_step_is_a_line_and_a_cut_keeps_the_steps_that_count() {
        let dir = directory("lines");
        let file = LossFile::new(&dir);
        file.cut(0).unwrap();
        file.append(&report(1, 7.5, None)).unwrap();
        file.append(&report(2, 6.25, Some(6.5))).unwrap();
        file.append(&report(10, 5.0, None)).unwrap();
        file.sync().unwrap();
        let text = || fs::read_to_string(dir.join(LOSS_FILE)).unwrap();
        assert_eq!(text(), format!("{HEADING}1 7.500000\n2 6.250000 6.500000\n10 5.000000\n"));

        fs::write(dir.join(LOSS_FILE), text() + "11 4.").unwrap(); // the machine was switched off here
        assert_eq!(file.cut(99), Ok(0)); // half a line is no step
        assert_eq!(text(), format!("{HEADING}1 7.500000\n2 6.250000 6.500000\n10 5.000000\n"));
        assert_eq!(file.cut(2), Ok(1));
        assert_eq!(text(), format!("{HEADING}1 7.500000\n2 6.250000 6.500000\n"));
        file.cut(0).unwrap();
        assert_eq!(text(), HEADING);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_used_is_an_error_that_names_it() {
        let dir = directory("errors");
        let nowhere = LossFile::new(&dir.join("nowhere"));
        for error in [nowhere.append(&report(1, 7.5, None)), nowhere.sync(), nowhere.cut(0).map(drop)] {
            assert!(error.unwrap_err().to_string().contains(LOSS_FILE));
        }
        fs::write(dir.join(LOSS_FILE), b"1 \xff\n").unwrap();
        assert!(LossFile::new(&dir).cut(1).unwrap_err().to_string().contains("cannot be read"));
        fs::remove_dir_all(&dir).unwrap();
    }
}
