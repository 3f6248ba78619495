//! How much arithmetic learning takes, counted and not measured.

use metaloc_nn::{Network, NetworkDescription};

use crate::error::Error;

/// Multiply-adds of a network's products for one sample, there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Products {
    all: f64,
    /// Those of the first layer, whose inputs need no gradient.
    first: f64,
}

impl Products {
    pub(super) fn of(network: &Network) -> Result<Self, Error> {
        let NetworkDescription { inputs, layers } = network.description();
        let first = NetworkDescription { inputs: inputs.clone(), layers: layers[..1].to_vec() };
        let (all, first) = (network.n_products(), first.check()?.n_products());
        Ok(Self { all: all as f64, first: first as f64 })
    }

    /// Operations of the outputs of `n` samples.
    pub(super) fn forward(self, n: usize) -> f64 {
        2.0 * n as f64 * self.all
    }

    /// Operations of the gradient on `n` samples: a product there, one for the gradient of the
    /// weights, one for that of the inputs.
    pub(super) fn gradient(self, n: usize) -> f64 {
        2.0 * n as f64 * (3.0 * self.all - self.first)
    }

    /// Operations of a Hessian-vector product on `n` samples: each of the gradient's products once
    /// as a derivative, which is two products, and the first two again for their values. The first
    /// layer's inputs are constant: one product there and its derivative, one for the weights.
    pub(super) fn hessian_vector_product(self, n: usize) -> f64 {
        2.0 * n as f64 * (8.0 * self.all - 5.0 * self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaloc_nn::Activation;

    #[test]
    fn by_hand() {
        let network = NetworkDescription::mlp(3, &[5], 2, Activation::Relu).check().unwrap();
        let products = Products::of(&network).unwrap();
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found}");
        close(products.forward(7), 2.0 * 7.0 * 25.0);
        close(products.gradient(7), 2.0 * 7.0 * (2.0 * 15.0 + 3.0 * 10.0));
        close(products.hessian_vector_product(7), 2.0 * 7.0 * (3.0 * 15.0 + 8.0 * 10.0));
    }
}
