"""Rules and fixes that name functions of Python, in words that fit every language of Pulumi.

`runtime/mistakes` recognizes mistakes of Python programs, and some of other languages. Its fixes are code of Python.
"""

import re

_INTERPOLATE = "use Pulumi's interpolation or concatenation of Outputs, or write the text inside apply"
_ENCODE = "encode it as JSON text, by Pulumi's own function if it holds Outputs"
_READ = "read the file, and pass its text"
_WORDS = tuple(
    (re.compile(pattern, re.DOTALL), words)
    for pattern, words in (
        (
            r"pass opts=pulumi\.ResourceOptions\(providers=\[cluster\.provider\]\)",
            "pass a kubernetes provider with the kubeconfig of the cluster in opts.providers",
        ),
        (r"by an f-string, str\(\) or \+|by an f-string or str\(\)", "by interpolation or +"),
        (r"write pulumi\.Output\.format\(.*|use pulumi\.Output\.format .*", _INTERPOLATE),
        (r", without str\(\) or quotes", ", without quotes"),
        (r": Python replaces it only in a string with f before its quotes", ": Pulumi does not replace it"),
        (r"write f['\"].*", "write the value, or interpolate it in the program"),
        (r"use json\.dumps.*|use pulumi\.Output\.json_dumps.*", _ENCODE),
        (r", not a dict\b", ", not a mapping"),
        (r"pass (?:the file's text: )?pathlib\.Path\(path\)\S*", _READ),
        (r"pass pulumi\.Output\.unsecret\(…\) of it", "pass it through Pulumi's function unsecret"),
        (r"write \{key: (\w+)\[key\] for key in .*", r"write a mapping of \1.KEY for each of these names"),
        (r'write the keys yourself: \{"KEY": (\w+)\["KEY"\]\}', r"write the keys yourself, each with \1.KEY"),
        (r"write (True|False), or use get_bool of pulumi\.Config", "write it without quotes, or read it as a boolean"),
        (r"(?<!['\"])\bTrue\b(?!['\"])", "true"),
        (r"(?<!['\"])\bFalse\b(?!['\"])", "false"),
        (r", or use get_int of pulumi\.Config", ", or read it as a number"),
        (r", or read it with pulumi\.Config", ", or read it from the config"),
        (r"opts\.aliases: \[pulumi\.Alias\(name=(\"[^\"]*\")\)\]", r"an alias with the name \1 in opts.aliases"),
        (r"convert an Output with \.apply\(str\)", "convert an Output to text in its apply"),
    )
)


def neutral(text: str) -> str:
    """Return a rule or a fix without code of Python."""
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    return text
