"""A group of commands that answers an unknown name with the nearest one."""

import difflib

import click


class StrictGroup(click.Group):
    """A click group whose error about an unknown command names those that exist."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command that is called.

        Raises:
            click.UsageError: if there is none of that name.
        """
        name = args[0]
        if name[:1] != "-" and not ctx.resilient_parsing and name not in self.list_commands(ctx):
            raise click.UsageError(self._unknown(ctx, name), ctx)
        return super().resolve_command(ctx, args)

    def _unknown(self, ctx: click.Context, name: str) -> str:
        names = self.list_commands(ctx)
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        return f"No such command {name!r}. {hint}Expected one of {', '.join(names)}."
