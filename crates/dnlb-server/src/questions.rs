//! Questions to hosts: what only a host knows at this moment is asked on the stream that its agent keeps.
//!
//! Nothing is kept: who asks waits for the answer, not for long, and few may wait at once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dnlb_model::HostId;
use dnlb_proto::{Answer, Asked, Question};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// How long a host may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Questions to one host that may wait for an answer.
const WAITING_MAX: usize = 4;

/// The questions to all hosts of a region; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Questions(Arc<Mutex<Lines>>);

/// Why there is no answer. One variant for each thing that who asks may do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Its agent has no stream to this server.
    #[error("it is not connected")]
    Absent,
    /// It has been asked so much already.
    #[error("it is asked {WAITING_MAX} things already: try again")]
    Busy,
    /// Its agent answers no questions.
    #[error("its agent is of a version that answers no questions: update it")]
    Old,
    /// It has said why it cannot answer.
    #[error("{0}")]
    Refused(String),
    /// It has not said anything.
    #[error("it has not answered within {} seconds", PATIENCE.as_secs())]
    Silent,
}

/// What comes back: an answer, or the host's own word why there is none.
type Answered = Result<Answer, String>;

#[derive(Debug, Default)]
struct Lines {
    last: u64,
    lines: BTreeMap<HostId, Line>,
}

#[derive(Debug)]
struct Line {
    number: u64,
    /// None: its agent answers no questions.
    asked: Option<mpsc::Sender<Asked>>,
    /// Who waits for which answer.
    waiting: BTreeMap<u64, oneshot::Sender<Answered>>,
}

/// A host's end: what it is asked. With it goes everybody's hope for an answer.
#[derive(Debug)]
pub struct Respondent {
    questions: Questions,
    host: HostId,
    number: u64,
    asked: mpsc::Receiver<Asked>,
}

impl Questions {
    /// A host is there to be asked, if it answers questions; takes the place of its former stream, if there is one.
    #[must_use]
    pub fn connect(&self, host: &HostId, answers: bool) -> Respondent {
        let (sender, asked) = mpsc::channel(WAITING_MAX);
        let mut lines = self.lines();
        lines.last += 1;
        let number = lines.last;
        let line = Line { number, asked: answers.then_some(sender), waiting: BTreeMap::new() };
        lines.lines.insert(host.clone(), line);
        Respondent { questions: self.clone(), host: host.clone(), number, asked }
    }

    /// Whether a host is there to be asked.
    #[must_use]
    pub fn reaches(&self, host: &HostId) -> bool {
        self.lines().lines.get(host).is_some_and(|line| line.asked.is_some())
    }

    /// Asks a host and waits for its answer.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask(&self, host: &HostId, question: Question) -> Result<Answer, AskError> {
        self.ask_within(PATIENCE, host, question).await
    }

    async fn ask_within(
        &self,
        patience: Duration,
        host: &HostId,
        question: Question,
    ) -> Result<Answer, AskError> {
        let (_waiting, answer) = self.begin(host, question)?;
        match timeout(patience, answer).await {
            Ok(Ok(answer)) => answer.map_err(AskError::Refused),
            // Its stream has ended.
            Ok(Err(_)) => Err(AskError::Absent),
            Err(_) => Err(AskError::Silent),
        }
    }

    /// A host answers.
    pub fn on_answer(&self, host: &HostId, id: u64, answer: Result<Answer, String>) {
        let waiting = self.lines().lines.get_mut(host).and_then(|line| line.waiting.remove(&id));
        if let Some(waiting) = waiting {
            // Who asked may have gone.
            let _ = waiting.send(answer);
        }
    }

    fn begin(
        &self,
        host: &HostId,
        question: Question,
    ) -> Result<(Waiting, oneshot::Receiver<Answered>), AskError> {
        let mut lines = self.lines();
        let line = lines.lines.get_mut(host).ok_or(AskError::Absent)?;
        let asked = line.asked.as_ref().ok_or(AskError::Old)?;
        if line.waiting.len() >= WAITING_MAX {
            return Err(AskError::Busy);
        }
        let id = rand::random();
        let (sender, answer) = oneshot::channel();
        // Room for as many as may wait; one that was given up may still be on its way.
        asked.try_send(Asked { id, question }).map_err(|_| AskError::Busy)?;
        line.waiting.insert(id, sender);
        Ok((Waiting { questions: self.clone(), host: host.clone(), id }, answer))
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // A panic elsewhere leaves the values whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Respondent {
    /// The next question; none when another stream of the host has taken this one's place. Never, if it answers none.
    pub async fn next(&mut self) -> Option<Asked> {
        self.asked.recv().await
    }
}

impl Drop for Respondent {
    fn drop(&mut self) {
        let mut lines = self.questions.lines();
        if lines.lines.get(&self.host).is_some_and(|line| line.number == self.number) {
            lines.lines.remove(&self.host);
        }
    }
}

/// The place of somebody who waits, free again when it is dropped: also when who asked goes away.
struct Waiting {
    questions: Questions,
    host: HostId,
    id: u64,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(line) = self.questions.lines().lines.get_mut(&self.host) {
            line.waiting.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use dnlb_proto::ConsoleAnswer;

    use super::*;

    fn console() -> Question {
        Question::Console { instance: "i-web".into(), bytes_max: 10 }
    }

    fn answer(written: u64) -> Answer {
        Answer::Console(ConsoleAnswer { text: Vec::new(), written })
    }

    #[tokio::test]
    async fn a_host_answers_who_asked() {
        let (questions, host) = (Questions::default(), HostId::from("h1"));
        assert_eq!(questions.ask(&host, console()).await, Err(AskError::Absent));
        let mut respondent = questions.connect(&host, true);
        assert!(questions.reaches(&host));
        let ask = |question| {
            let (questions, host) = (questions.clone(), host.clone());
            tokio::spawn(async move { questions.ask(&host, question).await })
        };
        let (first, second) = (ask(console()), ask(console()));
        let asked = [respondent.next().await.unwrap().id, respondent.next().await.unwrap().id];
        // In whatever order; nobody but the host itself, and nothing twice.
        questions.on_answer(&"h2".into(), asked[0], Ok(answer(9)));
        questions.on_answer(&host, asked[1], Err("no such instance".to_owned()));
        questions.on_answer(&host, asked[0], Ok(answer(1)));
        questions.on_answer(&host, asked[0], Ok(answer(2)));
        let mut answers = [first.await.unwrap(), second.await.unwrap()];
        answers.sort_by_key(Result::is_err);
        assert_eq!(answers, [Ok(answer(1)), Err(AskError::Refused("no such instance".to_owned()))]);
    }

    #[tokio::test]
    async fn who_gets_no_answer_learns_why() {
        let (questions, host) = (Questions::default(), HostId::from("h1"));
        let old = questions.connect(&host, false);
        assert_eq!(questions.ask(&host, console()).await, Err(AskError::Old));
        let mut respondent = questions.connect(&host, true);
        drop(old);
        let soon = questions.ask_within(Duration::from_millis(20), &host, console());
        assert_eq!(soon.await, Err(AskError::Silent));
        respondent.next().await.unwrap();
        let asks: Vec<_> = (0..=WAITING_MAX)
            .map(|_| {
                let (questions, host) = (questions.clone(), host.clone());
                tokio::spawn(async move { questions.ask(&host, console()).await })
            })
            .collect();
        for _ in 0..WAITING_MAX {
            respondent.next().await.unwrap();
        }
        drop(respondent);
        let mut errors = Vec::new();
        for ask in asks {
            errors.push(ask.await.unwrap().unwrap_err());
        }
        let absent = errors.iter().filter(|error| **error == AskError::Absent).count();
        assert_eq!((absent, errors.contains(&AskError::Busy)), (WAITING_MAX, true));
        assert!(!questions.reaches(&host));
    }
}
