"""Every morning, the segments of the warehouse become groups in BizKitHub.

Needs two connections: `bizkithub_default`, which says where the ledger is, and `warehouse`.
"""

from datetime import datetime

from airflow_provider_bizkithub.operator import BizKitHubAddGroupsOperator

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2
    from airflow.decorators import dag


@dag(schedule="0 6 * * *", start_date=datetime(2026, 1, 1), catchup=False, max_active_runs=1)
def segments_from_warehouse():
    BizKitHubAddGroupsOperator(
        task_id="add_groups",
        sql="SELECT email, segment FROM customers WHERE segment IS NOT NULL",
        sql_conn_id="warehouse",
        email_column="email",
        groups_column="segment",
        allow_groups=["VIP", "Newsletter"],  # any other is a typo
        rejects="/tmp/rejects/{{ ds_nodash }}.csv",  # or an object store: s3://aws_default@bucket/rejects.csv
        rejects_allowed=0.01,  # of the rows
        retries=3,  # cost no request for what was acknowledged
    )


segments_from_warehouse()
