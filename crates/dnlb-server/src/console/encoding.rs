//! Which form of a file a client takes (RFC 9110, 12.5.3).

use axum::http::{HeaderMap, header};

/// A form in which a file is there, beside its plain one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    /// As headers call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }
}

/// What a client takes, with the weight that it gives it, in thousandths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Accepted(Vec<(String, u16)>);

impl Accepted {
    /// What a request says; who says nothing takes the plain form alone. What is not understood is left out.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let lists =
            headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
        Self(lists.flat_map(|list| list.split(',')).filter_map(member).collect())
    }

    /// What the client likes best of what there is; of equals, the first.
    pub(super) fn best<T>(&self, there: impl Iterator<Item = (Coding, T)>) -> Option<(Coding, T)> {
        let mut best = None;
        let mut most = 0;
        for (coding, form) in there {
            let weight = self.weight(coding);
            if weight > most {
                most = weight;
                best = Some((coding, form));
            }
        }
        best
    }

    fn weight(&self, coding: Coding) -> u16 {
        let of = |name: &str| self.0.iter().find(|(known, _)| known == name).map(|(_, weight)| *weight);
        of(coding.name()).or_else(|| of("*")).unwrap_or(0)
    }
}

/// `gzip`, or `gzip;q=0.8`.
fn member(text: &str) -> Option<(String, u16)> {
    let (name, weight) = text.split_once(';').map_or((text, None), |(name, weight)| (name, Some(weight)));
    let weight = match weight {
        None => 1.0,
        Some(weight) => {
            let (key, value) = weight.split_once('=')?;
            key.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>().ok())??
        }
    };
    // In this range the thousandth is exact enough, and a cast cuts nothing off.
    (0.0..=1.0).contains(&weight).then(|| (name.trim().to_ascii_lowercase(), (weight * 1000.0) as u16))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &[&str]) -> &'static str {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT_ENCODING, value.parse().unwrap());
        }
        let there = [(Coding::Brotli, ()), (Coding::Gzip, ())];
        Accepted::of(&headers).best(there.into_iter()).map_or("plain", |(coding, ())| coding.name())
    }

    #[test]
    fn the_smallest_form_is_sent_of_those_that_are_liked_equally() {
        assert_eq!(chosen(&["gzip, deflate, br, zstd"]), "br");
        assert_eq!(chosen(&["gzip, deflate"]), "gzip");
        assert_eq!(chosen(&["gzip", "br"]), "br");
        assert_eq!(chosen(&["*"]), "br");
        assert_eq!(chosen(&["GZIP"]), "gzip");
    }

    #[test]
    fn a_weight_decides_and_zero_forbids() {
        assert_eq!(chosen(&["br;q=0.5, gzip;q=0.8"]), "gzip");
        assert_eq!(chosen(&["br; Q=0.000, gzip ; q=0.001"]), "gzip");
        assert_eq!(chosen(&["br;q=0, *;q=1"]), "gzip");
        assert_eq!(chosen(&["*;q=0"]), "plain");
        assert_eq!(chosen(&["br;q=0, gzip;q=0"]), "plain");
    }

    #[test]
    fn who_says_nothing_or_nonsense_gets_the_plain_form() {
        for accept in [
            &[][..],
            &[""],
            &["identity"],
            &["br;q=2"],
            &["br;q=-1"],
            &["br;q=NaN"],
            &["br;level=1"],
            &["br;"],
        ] {
            assert_eq!(chosen(accept), "plain", "{accept:?}");
        }
    }
}
