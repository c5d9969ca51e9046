"""The stubs name what the compiled module has, with the same parameters."""

import ast
import inspect
from pathlib import Path

import layerlens
from layerlens import _native


def parameters_of(node):
    arguments = node.args
    names = [arg.arg for arg in arguments.posonlyargs + arguments.args + arguments.kwonlyargs]
    required = len(arguments.args) - len(arguments.defaults)
    optional = {arg.arg for arg in arguments.args[required:]} | {
        arg.arg
        for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults)
        if default is not None
    }
    return [(name, name in optional) for name in names if name not in ("self", "cls")]


def parameters_in(signature):
    return [
        (name, parameter.default is not inspect.Parameter.empty)
        for name, parameter in signature.parameters.items()
        if name not in ("self", "cls")
    ]


def test_stubs_are_current():
    tree = ast.parse((Path(layerlens.__file__).parent / "_native.pyi").read_text())
    seen = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            seen.add(node.name)
            signature = inspect.signature(getattr(_native, node.name))
            assert parameters_of(node) == parameters_in(signature), node.name
        elif isinstance(node, ast.ClassDef):
            seen.add(node.name)
            kind = getattr(_native, node.name)
            named = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
            public = {name for name in vars(kind) if not name.startswith("_")}
            assert public == named - {"__new__"}, node.name
            for item in node.body:
                if not isinstance(item, ast.FunctionDef):
                    continue
                if any(ast.unparse(mark) == "property" for mark in item.decorator_list):
                    continue
                found = kind if item.name == "__new__" else getattr(kind, item.name)
                signature = inspect.signature(found)
                assert parameters_of(item) == parameters_in(signature), item.name
    public = {name for name in dir(_native) if not name.startswith("_")}
    assert public == seen


def test_everything_public_has_documentation():
    for module in (layerlens, layerlens.metrics):
        for name in module.__all__:
            found = getattr(module, name)
            assert inspect.getdoc(found), name
            if inspect.isclass(found):
                for attribute, value in vars(found).items():
                    if not attribute.startswith("_") and callable(value):
                        assert inspect.getdoc(value), f"{name}.{attribute}"
