"""A map as a step of a scikit-learn pipeline: scaled, reduced, embedded, and new rows placed.

    pip install layerlens scikit-learn
    python examples/sklearn_pipeline.py
"""

import layerlens as ll
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

x, y = load_digits(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0)

for embedding in (ll.PCA(2), ll.TSNE(), ll.UMAP(), ll.TriMAP()):
    line = make_pipeline(
        StandardScaler(), ll.PCA(30), embedding, KNeighborsClassifier(n_neighbors=5)
    )
    accuracy = line.fit(x_train, y_train).score(x_test, y_test)
    print(f"{type(embedding).__name__:7} 5-NN accuracy of new digits in the map: {accuracy:.3f}")
