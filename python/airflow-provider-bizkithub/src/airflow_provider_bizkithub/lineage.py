"""What OpenLineage is told of a task: which data went into which organisation's customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage


def lineage(source: tuple[str, str] | None, base_url: str, summary: dict[str, Any]) -> OperatorLineage:
    """Describe a task that has ended.

    Args:
        source: The namespace and the name of the input, when it has one that others know.
        base_url: The address of the API, which is the namespace of the output.
        summary: The task's summary.

    """
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import input_statistics_input_dataset, output_statistics_output_dataset

    read = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(rowCount=summary["rows"])
    written = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=summary["applied"])
    inputs = [] if source is None else [InputDataset(*source, inputFacets={"inputStatistics": read})]
    output = OutputDataset(base_url, "customer-groups", outputFacets={"outputStatistics": written})
    return OperatorLineage(inputs=inputs, outputs=[output])
