"""Generated texts of mapUsers and mapRoles: valid, unusual and malformed. The seed determines each text."""

from __future__ import annotations

from random import Random

# Values as in the text: strings, values that look like strings, and invalid ones. A `|` is a space.
SCALARS = [
    scalar.replace("|", " ")
    for line in (
        "a on 123 ~ null '' \"x\" 'on' 1.5 .5 0o17 017 08 0x1f 1_0 0b1 0b - + y N = << a#b ?a :a a:b 2001-01-01 it's",
        "!!str|1 !!int|1 !foo|1 !|1 !!binary|YQ== !!binary|! !!null|'' !!null !!bool|on !!timestamp|x !!float|1 .inf",
        "18446744073709551616 1e999 Yes yES {{SessionName}} {{AccountID}} system:masters [a] {a:|b} %a @a `a",
        'a|b a|#b "a\\x41" "\\/" "\\ud800" *g *nope &h|v',
    )
    for scalar in line.split(" ")
] + [
    *("", "a: b", "a\tb", "a\t", "a\t# c", "\tx", "|\n      x", "|-\n      x\n      y", ">\n      x\n\n      y"),
    *("'a\n      b'", "x\n      y", '"a\\\n      b"', "|+\n      x\n\n", "|2\n      x", ">-\n      x # y"),
]
WORDS = [
    word
    for line in (
        "[ ] { } ' ? : , | > - a on 123 null .nan &x *x <<: !!int !!set !!str !!binary !mine",
        "userarn: groups: username: UserArn: ~ ! !<tag:yaml.org,2002:str> \\",
    )
    for word in line.split(" ")
]
TOKENS = [f"{word} " for word in WORDS] + [
    *("\n", "\n- ", "- ", "  ", "# c\n", "---\n", "...\n", "|\n", ">-\n", "|+\n", "\t", "\r\n", '"', "*x", "?", "'"),
    *("%YAML 1.2\n", "%YAML 1.1\n", "%TAG ! x\n", "a: b\n", "  a: b\n", "\n  groups: [a]", "\x85", "\u2028"),
]
BEFORE = ("", "", "", "", "# c\n", "---\n", "%YAML 1.1\n---\n", "%YAML 1.2\n---\n", "\ufeff", "&all\n", "!!seq\n")
AFTER = ("", "", "", "", "...\n", "---\n- x\n", "---\n[\n", "... # c\n", "# c", "\n\n")

ACCOUNTS = (
    "- {0}\n",
    '- "{0}"\n',
    "- '{0}' # c\n",
    "- !!str {0}\n",
    "- {0}\n- !!int x\n",
    "- !!int x\n- {0}\n",
    "[{0}, on]",
    "{0}",
)
MORE_ACCOUNTS = (
    "",
    "- on\n",
    "- ~\n",
    "- [a]\n",
    "- 012\n",
    "- [\n",
    "- {a: b}\n",
    "---\n- x\n",
    "- &a x\n- *a\n",
    "- .inf\n",
    "- !!binary x\n",
)


def accounts(random: Random, account: str) -> str:
    """A text of mapAccounts, which may have `account`."""
    return "".join(random.sample(MORE_ACCOUNTS, 1)) + random.choice(ACCOUNTS).format(account)


class Documents:
    """Texts that name `arns` in the field `arn_field`."""

    def __init__(self, random: Random, arn_field: str, arns: list[str]) -> None:
        self._random = random
        self._arn_field = arn_field
        self._arns = arns

    def text(self) -> str:
        """Mostly a list that the authenticator reads, at times one that it does not."""
        chance = self._random.random()
        if chance < 0.1:
            return "".join(self._random.choices(TOKENS, k=self._random.randint(0, 14)))
        # In a tame text nothing is broken, so that more of the entries are read.
        tame = chance < 0.75
        if chance > 0.92:
            text = "[" + ", ".join(self._flow(tame=tame) for _ in range(self._random.randint(0, 3))) + "]\n"
        else:
            text = self._block(tame=tame)
        if not tame:
            text = self._one_of(BEFORE) + text + self._one_of(AFTER)
        if self._random.random() < 0.08:
            text = text.replace("\n", "\r\n")
        return text.rstrip("\n") if self._random.random() < 0.08 else text

    def _block(self, *, tame: bool) -> str:
        indent = self._one_of(("", "", "  "))
        text = f"{indent}- &b {{username: base, groups: &g [g1, g2]}}\n" if self._random.random() < 0.3 else ""
        aliases = bool(text)
        for number in range(self._random.randint(1, 4)):
            if self._random.random() < 0.08:
                text += f"{indent}-{self._one_of(('', ' ', ' null', ' x', ' [a]', ' # c', ' {}'))}\n"
                continue
            if self._random.random() < 0.12:
                text += f"{indent}- {self._flow(tame=tame)}\n"
                continue
            dash = self._one_of(("- ", "- ", f"-\n{indent}  ", f"- &x{number}\n{indent}  ", "-   "))
            margin = indent + ("    " if dash == "-   " else "  ")
            text += indent + dash + f"\n{margin}".join(self._fields(margin, tame=tame, aliases=aliases)) + "\n"
            text += self._one_of(("", "", "", "# c\n", "\n", "  # c\n"))
        return text

    def _fields(self, margin: str, *, tame: bool, aliases: bool) -> list[str]:
        fields = [self._arn()]
        names = ["username", "groups", "username", "Groups", "note", "u\u017fername", "userid", "<<", "rolearn"]
        for name in self._random.sample(names, self._random.randint(1, 4)):
            if name == "<<":
                if aliases or not tame:
                    fields.append(f"<<: {self._one_of(('*b', '{username: m}', '[*b, {groups: [z]}]'))}")
            elif name.lower() == "groups":
                fields.append(f"{name}:{self._groups(margin, tame=tame)}")
            else:
                blank = self._one_of((" ", " ", "\t", "  "))
                fields.append(f"{name}:{blank}{self._scalar(tame=tame)}{self._one_of(('', '', ' # c', chr(9), ' '))}")
        self._random.shuffle(fields)
        return fields

    def _groups(self, margin: str, *, tame: bool) -> str:
        if self._random.random() < 0.5:
            return " [" + ", ".join(self._scalar(tame=True) for _ in range(self._random.randint(0, 3))) + "]"
        if self._random.random() < 0.2:
            return f" {self._scalar(tame=tame)}"
        inner = self._one_of((margin, f"{margin}  "))
        return "".join(f"\n{inner}- {self._scalar(tame=tame)}" for _ in range(self._random.randint(1, 3)))

    def _flow(self, *, tame: bool) -> str:
        fields = [self._arn(), f"username: {self._scalar(tame=True)}", f'"groups": [{self._scalar(tame=True)}]']
        fields += [] if tame else [f"note: {self._scalar(tame=False)}"]
        self._random.shuffle(fields)
        return "{" + ", ".join(fields) + "}"

    def _arn(self) -> str:
        arn = self._one_of(self._arns)
        name = self._one_of((self._arn_field,) * 6 + (self._arn_field.title(), self._arn_field.upper(), "arn"))
        return f"{name}: {self._one_of((arn, arn, arn, repr(arn), arn.upper(), f'{arn} # c', f'!!str {arn}'))}"

    def _scalar(self, *, tame: bool) -> str:
        if tame:
            return self._one_of(("a", "b", "'on'", "on", "123", '"x y"', "team-x", "system:masters", "y", "1.5", "~"))
        return self._one_of(SCALARS)

    def _one_of(self, choices: list[str] | tuple[str, ...]) -> str:
        return self._random.choice(choices)
