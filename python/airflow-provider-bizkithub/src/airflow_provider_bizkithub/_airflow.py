"""What of Airflow has moved between 2.10 and 3.3, by one name each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import BaseHook, BaseOperator, BaseOperatorLink, Context, ObjectStoragePath
    from airflow.sdk.bases.decorator import determine_kwargs
    from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowRescheduleException
    from airflow.sdk.execution_time.xcom import XCom
    from airflow.sdk.log import mask_secret

    IS_AIRFLOW_2: bool
else:
    try:  # 3.2
        from airflow.sdk.bases.decorator import determine_kwargs
        from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowRescheduleException
    except ImportError:
        from airflow.exceptions import AirflowException, AirflowFailException, AirflowRescheduleException
        from airflow.utils.operator_helpers import determine_kwargs

    try:  # 3.1
        from airflow.sdk.bases.hook import BaseHook
    except ImportError:
        from airflow.hooks.base import BaseHook

    try:  # 3.0
        from airflow.sdk import BaseOperator, BaseOperatorLink, Context, ObjectStoragePath
        from airflow.sdk.execution_time.xcom import XCom
        from airflow.sdk.log import mask_secret

        IS_AIRFLOW_2 = False
    except ImportError:
        from airflow.io.path import ObjectStoragePath
        from airflow.models.baseoperator import BaseOperator
        from airflow.models.baseoperatorlink import BaseOperatorLink
        from airflow.models.xcom import XCom
        from airflow.utils.context import Context
        from airflow.utils.log.secrets_masker import mask_secret

        IS_AIRFLOW_2 = True

__all__ = [
    "IS_AIRFLOW_2",
    "AirflowException",
    "AirflowFailException",
    "AirflowRescheduleException",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "Context",
    "ObjectStoragePath",
    "XCom",
    "determine_kwargs",
    "mask_secret",
]
