"""Runs inside ZigZag's own interpreter: accelerator, results, then a workload and a mapping for each layer. Writes what it counts and CPU seconds."""

from __future__ import annotations

import json
import logging
import sys
import time

from zigzag.api import get_hardware_performance_zigzag
from zigzag.mapping.data_movement import DataDirection, DataMoveAttr
from zigzag.stages.evaluation.cost_model_evaluation import CostModelStage

logging.disable(logging.CRITICAL)
model = {"evaluations": 0, "seconds": 0.0}
evaluate = CostModelStage.run


def timed(self):
    begin = time.process_time()
    results = list(evaluate(self))
    model["seconds"] += time.process_time() - begin
    model["evaluations"] += 1
    return iter(results)


CostModelStage.run = timed


def moved(cost_model, operand: str, direction: DataDirection) -> int:
    """Words between the operand's outermost buffer on the chip and what lies below it."""
    levels = next(levels for name, levels in cost_model.mapping.unit_mem_data_movement.items() if str(name) == operand)
    return round(levels[len(levels) - 2].get_attribute(DataMoveAttr.DATA_ELEM_MOVE_COUNT).get(direction))


def main() -> None:
    accelerator, result, *files = sys.argv[1:]
    layers = []
    seconds = 0.0
    for workload, mapping in zip(files[::2], files[1::2]):
        begin = time.process_time()
        _, _, found = get_hardware_performance_zigzag(
            workload, accelerator, mapping, opt="energy", dump_folder="out", loma_show_progress_bar=False, lpf_limit=6
        )
        seconds += time.process_time() - begin
        best = found[0][1][0][0]
        layers.append(
            {
                "clocks": round(best.ideal_temporal_cycle),
                "inputs": moved(best, "I", DataDirection.RD_OUT_TO_LOW),
                "weights": moved(best, "W", DataDirection.RD_OUT_TO_LOW),
                "sums_written": moved(best, "O", DataDirection.WR_IN_BY_LOW),
                "sums_read": moved(best, "O", DataDirection.RD_OUT_TO_LOW),
            }
        )
    with open(result, "w") as file:
        json.dump({"layers": layers, "seconds": seconds, "model_seconds": model["seconds"], "evaluations": model["evaluations"]}, file)


main()
