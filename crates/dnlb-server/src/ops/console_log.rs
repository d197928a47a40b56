//! What an instance has written to its console, from its host.

use dnlb_api::{shape::ConsoleBytes, wire::vm::ConsoleLog};
use dnlb_model::{InstanceId, Region};
use dnlb_proto::{Answer, ConsoleAnswer, Question};

use super::{
    Call, Outcome,
    ask::{Inquiry, ask, beside_the_question},
    check, find, instance, one,
};

pub(super) const DESCRIBE: Inquiry = Inquiry::ConsoleLog;

pub(super) async fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    let id: InstanceId = call.id();
    let host = &find(&region.instances, instance::KIND, &id)?.host;
    let most = call.query.integer("maxBytes")?.unwrap_or(*ConsoleBytes::RANGE.end());
    let bytes_max = check::number("maxBytes", most, ConsoleBytes::RANGE)?;
    let question = Question::Console { instance: id.clone(), bytes_max };
    match ask(call, host, "the instance's host", question).await? {
        Answer::Console(answer) => one("consoleLog", view(&id, &answer)),
        Answer::Packet(_) => Err(beside_the_question()),
    }
}

fn view(id: &InstanceId, answer: &ConsoleAnswer) -> ConsoleLog {
    let truncated = answer.written > answer.text.len() as u64;
    let mut text = answer.text.as_slice();
    if truncated && let Some(end) = text.iter().position(|byte| *byte == b'\n') {
        // The rest of a line says nothing.
        text = &text[end + 1..];
    }
    ConsoleLog {
        instance_id: id.0.clone(),
        text: String::from_utf8_lossy(text).into_owned(),
        truncated,
        written_bytes: answer.written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_cut_begins_with_a_whole_line() {
        let shown = |text: &[u8], written| {
            let log = view(&"i-web".into(), &ConsoleAnswer { text: text.to_vec(), written });
            (log.text, log.truncated)
        };
        assert_eq!(shown(b"one\ntwo\n", 8), ("one\ntwo\n".to_owned(), false));
        assert_eq!(shown(b"ne\ntwo\n", 8), ("two\n".to_owned(), true));
        assert_eq!(shown(b"endless", 99), ("endless".to_owned(), true));
        assert_eq!(shown(b"\xffhi", 3), ("\u{fffd}hi".to_owned(), false));
    }
}
