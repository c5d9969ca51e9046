"""What every block of a small residual network in PyTorch has learned.

    pip install layerlens torch pandas
    python examples/pytorch_resnet.py [page.html]
"""

import sys

import layerlens as ll
import torch
from torch import nn


class Block(nn.Module):
    """Two convolutions, added to their input."""

    def __init__(self, n_in: int, n_out: int, stride: int):
        super().__init__()
        self.first = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.norm_1 = nn.BatchNorm2d(n_out)
        self.second = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.norm_2 = nn.BatchNorm2d(n_out)
        same = n_in == n_out and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(n_in, n_out, 1, stride, bias=False)

    def forward(self, x):
        y = torch.relu(self.norm_1(self.first(x)))
        return torch.relu(self.norm_2(self.second(y)) + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, n_classes: int):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, 1, 1)
        self.block_1 = Block(16, 16, 1)
        self.block_2 = Block(16, 32, 2)
        self.block_3 = Block(32, 64, 2)
        self.out = nn.Linear(64, n_classes)

    def forward(self, x):
        x = self.block_3(self.block_2(self.block_1(torch.relu(self.stem(x)))))
        return self.out(x.mean((2, 3)))


torch.manual_seed(42)
data = ll.datasets.load()
x_train, x_test = (torch.as_tensor(x)[:, None] / 255 for x in (data.x_train, data.x_test))
y_train = torch.as_tensor(data.y_train.astype("int64"))
model = ResNet(len(data.class_names))
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
for epoch in range(2):
    for rows in torch.randperm(len(x_train)).split(64):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}")

look = ll.look(
    model,
    train=(x_train, data.y_train),
    test=(x_test, data.y_test),
    # The blocks: what leaves their last addition is in no leaf module.
    layers=["stem", "block_1", "block_2", "block_3"],
    class_names=data.class_names,
)
print(*look.findings, sep="\n")
print(look.profile[["space", "probe_accuracy", "knn_accuracy", "two_nn_dimension"]].round(3))
print("page:", look.save(sys.argv[1] if len(sys.argv) > 1 else "report.html"))
