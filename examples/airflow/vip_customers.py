"""A function finds the customers; the task around it puts the group on them, and tells another task what it did."""

from datetime import datetime

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(schedule=None, start_date=datetime(2026, 1, 1))
def vip_customers():
    @task.bizkithub(email_column="email", constant_groups=["vip"])
    def add_groups():
        # A path, rows, or a data frame of any library. The function is called again in every leg of the task.
        return [{"email": "jan@barasek.com"}, {"email": "eva@example.com"}]

    @task
    def tell(summary):
        print(f"{summary['applied']} rows applied with {summary['requests']} requests in {summary['legs']} legs")

    tell(add_groups())


vip_customers()
