"""An operator that may leave its worker and come back at a moment, without a triggerer."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow_provider_bizkithub._airflow import IS_AIRFLOW_2, BaseOperator


class ReschedulableOperator(BaseOperator):
    """Lets `AirflowRescheduleException` keep its moment.

    Schedulers of Airflow 2 and 3.0 look at the moment for sensors only and would start any other task again at once;
    so this operator shows what they take for a sensor.
    """

    reschedule: ClassVar[bool] = True

    if IS_AIRFLOW_2:
        from airflow.ti_deps.deps.ready_to_reschedule import ReadyToRescheduleDep

        deps: Any = getattr(BaseOperator, "deps") | {ReadyToRescheduleDep()}  # noqa: B009 - Airflow 3 has none
        del ReadyToRescheduleDep
    else:
        _is_sensor = True

    @classmethod
    def get_serialized_fields(cls) -> frozenset[str]:
        """Tell the scheduler too."""
        shown = {"reschedule"} if IS_AIRFLOW_2 else {"reschedule", "_is_sensor"}
        fields: Any = super().get_serialized_fields()
        return frozenset(fields | shown)
