"""What happens to one measurement between Kafka and Kafka."""

from auren_backing.biometric_store import BiometricStore
from auren_backing.biometrics import Biometric, ClassifiedBiometric
from auren_backing.checkpoints import Checkpoints
from auren_backing.publisher import Publisher
from auren_backing.ranges import classify


class Pipeline:
    """Cut at any point and begun again, the end is the same: each step overwrites or ignores what it did before.

    Only the last one is seen twice after a cut (a second message in Kafka), and who reads that knows it by its id.
    """

    def __init__(self, checkpoints: Checkpoints, store: BiometricStore, publisher: Publisher) -> None:
        self._checkpoints = checkpoints
        self._store = store
        self._publisher = publisher

    async def work_out(self, biometric: Biometric) -> None:
        classification = classify(biometric.metric, biometric.value)
        classified = ClassifiedBiometric(**biometric.model_dump(), classification=classification)
        await self._checkpoints.put(classified)
        await self._store.add(classified)
        await self._publisher.publish(classified)
