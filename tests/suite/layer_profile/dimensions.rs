//! How many dimensions a layer uses.

use super::*;

#[test]
fn dimensions_are_those_of_numpy_and_scikit_dimension() {
    let digits = Digits::new();
    let expected = [
        [1202.147712161, 13.16851117, 6.715649006, 20.553251363, 39.707400444],
        [450.128924352, 9.862565861, 5.009177524, 13.934237704, 21.793874265],
    ];
    let components = [[21, 29, 41], [14, 17, 22]];
    for device in devices() {
        for (at, layer) in digits.layers.iter().enumerate() {
            let found = Spectrum::of(&device, layer).unwrap();
            let values = [
                ("total variance", found.total_variance),
                ("participation ratio", found.participation_ratio),
                ("stable rank", found.stable_rank),
                ("effective rank", found.effective_rank),
                ("rank of singular values", found.rank_of_singular_values),
            ];
            for ((what, value), expected) in values.into_iter().zip(expected[at]) {
                close(&format!("{what} of {}", NAMES[at]), value, expected, 1e-6);
            }
            let shares = [found.n_components_90, found.n_components_95, found.n_components_99];
            assert_eq!(shares, components[at]);
        }
    }
    for (at, [two_nn, mle]) in
        [[8.908172765, 6.844815332], [7.594884677, 6.177841675]].into_iter().enumerate()
    {
        let found = IntrinsicDimension::of(&digits.neighbors(at, 20)).unwrap();
        close("TwoNN", found.two_nn, two_nn, 1e-6);
        close("MLE", found.mle, mle, 1e-6);
        assert_eq!(found.n_duplicates, 0);
    }
}

#[test]
fn more_columns_than_rows_have_the_same_spectrum() {
    let digits = Digits::new();
    let rows: Vec<usize> = (0..50).collect();
    let few = digits.layers[0].select(&rows);
    // The same columns four times over: the variances are four times as large.
    let wide: Vec<f32> = few.rows().flat_map(|row| row.repeat(4)).collect();
    let wide = Matrix::new(wide, 50, 256).unwrap();
    for device in devices() {
        let [narrow, wide] = [&few, &wide].map(|x| Spectrum::of(&device, x).unwrap());
        close("total variance", wide.total_variance, 4.0 * narrow.total_variance, 1e-6);
        close("participation", wide.participation_ratio, narrow.participation_ratio, 1e-6);
        assert_eq!(wide.n_components_95, narrow.n_components_95);
    }
}
