//! How many neighbours methods on RSS take where a protocol of recordings has no grid for them: chosen on the
//! historical environments, each in turn taken for the new one.

use super::variants::{number_of, plain};
use crate::evaluate::{Choice, MethodConfig, Protocol, Row, Selection, Split};

/// Numbers that are tried; ours.
const TRIED: [usize; 4] = [1, 3, 5, 9];

/// The protocol to choose by: a split for each historical environment, and each method with each number.
/// `environments` names those of the data set, where a split takes all.
pub(super) fn choice(protocol: &Protocol, environments: &[String]) -> Protocol {
    let only = &protocol.select.splits;
    let is_asked = |split: &&Split| only.is_empty() || only.contains(&split.name);
    let folds = protocol.splits.iter().filter(is_asked).flat_map(|split| {
        let all = split.historical.iter().any(|name| name == "*");
        let historical = if all { environments } else { &split.historical[..] };
        let of_split = historical.iter().filter(|name| !split.new.contains(name));
        let historical: Vec<String> = of_split.cloned().collect();
        historical.clone().into_iter().map(move |held_out| Split {
            name: format!("{}-without-{held_out}", split.name),
            historical: historical.iter().filter(|name| **name != held_out).cloned().collect(),
            new: vec![held_out],
        })
    });
    let with = |method: &MethodConfig| {
        TRIED.map(|k| MethodConfig {
            name: format!("{}:{k}", method.name),
            k: Some(k),
            ..method.clone()
        })
    };
    Protocol {
        name: format!("{}-neighbours", protocol.name),
        title: format!("{}; each historical environment in turn for new", protocol.title),
        splits: folds.collect(),
        seeds: protocol.seeds[..1].to_vec(),
        methods: protocol.methods.iter().flat_map(with).collect(),
        ..protocol.clone()
    }
}

/// The number with the least mean error for each of the protocol's splits and methods, from the rows of
/// [`choice`]; none for methods that located nothing there.
pub(super) fn chosen(protocol: &Protocol, rows: &[Row]) -> Selection {
    let mut choices = Vec::new();
    for split in &protocol.splits {
        for method in &protocol.methods {
            let of_fold = format!("{}-without-", split.name);
            let own =
                |row: &&Row| row.split.starts_with(&of_fold) && plain(&row.method) == method.name;
            let own: Vec<&Row> = rows.iter().filter(own).collect();
            let mut best: Option<(f64, usize)> = None;
            for k in TRIED {
                let of_k = own.iter().filter(|row| number_of(&row.method) == Some(k as f64));
                let (sum, n) = of_k.fold((0.0, 0), |(sum, n), row| (sum + row.score_m(), n + 1));
                let mean_m = sum / f64::from(n);
                if mean_m.is_finite() && best.is_none_or(|(least, _)| mean_m < least) {
                    best = Some((mean_m, k));
                }
            }
            let Some((mean_m, k)) = best else { continue };
            choices.push(Choice {
                split: split.name.clone(),
                method: method.name.clone(),
                mean_m,
                accuracy: None,
                candidates: TRIED.len(),
                data_hash: own[0].data_hash.clone(),
                settings: toml::Table::from_iter([("k".to_owned(), (k as i64).into())]),
            });
        }
    }
    Selection { schema: 1, choices }
}

#[cfg(test)]
mod tests {
    use super::super::Dataset;
    use super::super::variants::as_it_is;
    use super::*;
    use crate::evaluate::ErrorStatistics;

    #[test]
    fn each_historical_environment_is_held_out_and_the_new_one_never_seen() {
        let mut protocol = Dataset::Lab.protocol().unwrap();
        protocol.methods = vec![as_it_is("radar-support")];
        let days = ["lab-0721", "lab-0819", "lab-0831", "lab-0925"].map(String::from);
        let choice = choice(&protocol, &days);
        assert_eq!(choice.splits.len(), 3);
        assert_eq!(choice.splits[1].historical, ["lab-0721", "lab-0831"]);
        assert_eq!(choice.splits[1].new, ["lab-0819"]);
        let sees_new = |name: &String| *name == days[3];
        assert!(!choice.splits.iter().any(|s| s.historical.iter().chain(&s.new).any(sees_new)));
        assert_eq!(choice.methods.len(), TRIED.len());
    }

    #[test]
    fn the_least_mean_over_what_was_held_out_is_chosen() {
        let mut protocol = Dataset::Lab.protocol().unwrap();
        protocol.methods = vec![as_it_is("radar-support"), as_it_is("acmu-like")];
        let row = |method: &str, split: &str, error_m: f64| Row {
            method: method.into(),
            split: format!("lab-without-{split}"),
            errors: ErrorStatistics::of(&[error_m]).unwrap(),
            ..Row::default()
        };
        let lacking = Row { needs: Some("more".into()), ..row("acmu-like:1", "a", 0.0) };
        // Three is best on one day, five on both together.
        let rows = [
            row("radar-support:3", "a", 1.0),
            row("radar-support:3", "b", 4.0),
            row("radar-support:5", "a", 2.0),
            row("radar-support:5", "b", 2.0),
            lacking,
        ];
        let chosen = chosen(&protocol, &rows);
        assert_eq!(chosen.choices.len(), 1);
        assert_eq!(chosen.choices[0].settings, "k = 5".parse().unwrap());
        protocol.selection = chosen;
        let resolved = protocol.for_split(&protocol.splits[0]).unwrap();
        assert_eq!(resolved.methods[0].k, Some(5));
    }
}
