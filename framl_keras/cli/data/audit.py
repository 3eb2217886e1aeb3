import click
@click.command("audit")
def audit(): pass
