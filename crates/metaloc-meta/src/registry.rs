//! The algorithms by name. A new one is one file, and one line at the end of this one.

use serde::{Deserialize, Serialize};

use crate::anil::AnilConfig;
use crate::baseline::TransferLearning;
use crate::episodic::Episodic;
use crate::maml::{Maml, MamlConfig};
use crate::maml_dg::MamlDgConfig;
use crate::maml_plus_plus::MamlPlusPlusConfig;
use crate::meta_sgd::MetaSgdConfig;
use crate::mldg::MldgConfig;
use crate::reptile::ReptileConfig;
use crate::task_weighted::TaskWeightedConfig;
use crate::{MetaAlgorithm, MetaError};

/// Settings of an algorithm, from which it is made.
pub trait AlgorithmConfig {
    /// The algorithm.
    type Algorithm: MetaAlgorithm;

    /// Checks the settings; `inner` are those of the inner loop, which many share.
    ///
    /// # Errors
    /// [`MetaError::Setting`] naming the setting.
    fn algorithm(&self, inner: MamlConfig) -> Result<Self::Algorithm, MetaError>;
}

/// Work for an algorithm that is known by name only when the program runs.
pub trait Visitor {
    /// What the work gives.
    type Output;

    /// Does the work.
    fn visit<A: MetaAlgorithm>(self, algorithm: &A) -> Self::Output;
}

macro_rules! algorithms {
    ($($(#[$doc:meta])* $variant:ident $name:literal $field:ident: $config:ty,)*) => {
        /// The algorithms by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum AlgorithmName {
            $($(#[$doc])* $variant,)*
        }

        /// Settings of each algorithm besides those of the inner loop; defaults where left out.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        pub struct Variants {
            $($(#[$doc])* #[serde(skip_serializing_if = "is_default")] pub $field: $config,)*
        }

        impl AlgorithmName {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Name as on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Makes the algorithm from its settings and does some work with it.
            ///
            /// # Errors
            /// [`MetaError::Setting`] naming an illegal setting.
            pub fn visit<V: Visitor>(
                self,
                inner: MamlConfig,
                variants: &Variants,
                visitor: V,
            ) -> Result<V::Output, MetaError> {
                Ok(match self {
                    $(Self::$variant => visitor.visit(&variants.$field.algorithm(inner)?),)*
                })
            }
        }
    };
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// An algorithm without settings of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// MAML has no settings but those of the inner loop.
impl AlgorithmConfig for NoSettings {
    type Algorithm = Maml;

    fn algorithm(&self, inner: MamlConfig) -> Result<Maml, MetaError> {
        inner.check()
    }
}

impl AlgorithmConfig for TransferLearning {
    type Algorithm = Self;

    fn algorithm(&self, _: MamlConfig) -> Result<Self, MetaError> {
        Ok(*self)
    }
}

algorithms! {
    /// Model-agnostic meta-learning (Algorithm 1).
    Maml "maml" maml: NoSettings,
    /// MAML whose step in one environment must also help in another (Algorithm 3).
    MamlDg "maml-dg" maml_dg: MamlDgConfig,
    /// MAML whose inner loop changes the head alone.
    Anil "anil" anil: AnilConfig,
    /// MAML with learned step sizes for each layer and step, judged at every step.
    MamlPlusPlus "maml-pp" maml_pp: MamlPlusPlusConfig,
    /// MAML with a learned step size for each parameter.
    MetaSgd "meta-sgd" meta_sgd: MetaSgdConfig,
    /// Towards what ordinary training on each task comes to.
    Reptile "reptile" reptile: ReptileConfig,
    /// MAML in which harder tasks weigh more.
    TaskWeighted "task-weighted" task_weighted: TaskWeightedConfig,
    /// Joint training whose step in one environment must also help in another.
    Mldg "mldg" mldg: MldgConfig,
    /// Episodic training without an inner loop, for models that compare with the support set.
    Episodic "episodic" episodic: Episodic,
    /// Transfer learning: ordinary joint training on the historical environments.
    Tl "tl" tl: TransferLearning,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_make_algorithms() {
        struct Name;
        impl Visitor for Name {
            type Output = &'static str;
            fn visit<A: MetaAlgorithm>(self, algorithm: &A) -> &'static str {
                algorithm.name()
            }
        }
        for algorithm in AlgorithmName::ALL {
            let visited = algorithm.visit(MamlConfig::default(), &Variants::default(), Name);
            assert_eq!(visited.unwrap(), algorithm.name());
        }
        let illegal = MamlConfig { inner_steps: 0, ..MamlConfig::default() };
        assert!(AlgorithmName::Maml.visit(illegal, &Variants::default(), Name).is_err());
    }
}
