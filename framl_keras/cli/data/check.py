import click
@click.command("check")
def check(): pass
