"""Puts groups on BizKitHub customers from Airflow 2.10 to 3.3.

Begin with `airflow_provider_bizkithub.operator.BizKitHubAddGroupsOperator`.
"""
