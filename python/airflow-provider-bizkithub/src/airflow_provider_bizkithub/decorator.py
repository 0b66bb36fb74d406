"""`@task.bizkithub`: a function that returns rows, whose customers then get their groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bizkithub._airflow import IS_AIRFLOW_2, determine_kwargs
from airflow_provider_bizkithub.operator import BizKitHubAddGroupsOperator

if IS_AIRFLOW_2:
    from airflow.decorators.base import DecoratedOperator, task_decorator_factory
else:
    from airflow.sdk.bases.decorator import DecoratedOperator, task_decorator_factory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_bizkithub._airflow import Context


class _DecoratedAddGroupsOperator(DecoratedOperator, BizKitHubAddGroupsOperator):
    template_fields: Sequence[str] = tuple(
        dict.fromkeys((*DecoratedOperator.template_fields, *BizKitHubAddGroupsOperator.template_fields))
    )
    custom_operator_name = "@task.bizkithub"

    def __init__(self, *, python_callable: Callable[..., Any], op_args: Any, op_kwargs: Any, **kwargs: Any) -> None:
        kwargs.pop("multiple_outputs", None)
        super().__init__(python_callable=python_callable, op_args=op_args, op_kwargs=op_kwargs, **kwargs)
        # The base keeps the function to itself, so that the operator has set its own parameter to nothing.
        self.python_callable = python_callable

    def _call(self, function: Callable[..., Any], context: Context) -> Any:
        named = {**determine_kwargs(function, self.op_args, context), **self.op_kwargs}
        return function(*self.op_args, **named)


def bizkithub_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> Any:
    """Turn a function that returns a path, a URI, rows or a data frame into a task that puts groups on their customers.

    Args:
        python_callable: The function. It is called again in every leg of the task.
        **kwargs: What `BizKitHubAddGroupsOperator` takes, but for `source`, `sql` and `python_callable`.

    """
    return task_decorator_factory(
        python_callable=python_callable, decorated_operator_class=_DecoratedAddGroupsOperator, **kwargs
    )
