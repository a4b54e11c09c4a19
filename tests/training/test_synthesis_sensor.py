"""The synthetic camera: noise that grows with the light and shows less on a swapped face."""

from __future__ import annotations

import numpy as np

from unmask.training.synthesis.sensor import Sensor, SensorSettings

SIZE = (120, 80)
STEADY = SensorSettings(brightness=1.0, exposure=0.0, warmth=0.0, sweep=0.0)
TIMES = np.arange(10) / 25


def _sensor(settings: SensorSettings = STEADY) -> Sensor:
    return Sensor(np.random.default_rng(1), TIMES, SIZE, settings)


def _flat(level: int) -> np.ndarray:
    return np.full((SIZE[1], SIZE[0], 3), level, dtype=np.uint8)


def test_noise_has_the_spread_that_the_settings_say() -> None:
    sensor = _sensor()
    for level in (30, 200):
        picture = sensor.take(_flat(level), 0, np.random.default_rng(2)).astype(float)
        wanted = np.sqrt(STEADY.read_noise**2 + STEADY.shot_noise**2 * level / 255)
        assert abs(picture.mean() - level) < 0.3
        assert abs(picture.std() - wanted) < 0.2


def test_a_swapped_face_shows_less_noise_and_the_rest_stays_the_same() -> None:
    sensor, swapped = _sensor(), np.zeros((SIZE[1], SIZE[0]), dtype=np.uint8)
    swapped[20:60, 30:90] = 255
    plain = sensor.take(_flat(150), 0, np.random.default_rng(2))
    covered = sensor.take(_flat(150), 0, np.random.default_rng(2), swapped)
    assert covered[20:60, 30:90].std() < 0.5 * plain[20:60, 30:90].std()
    assert (covered[swapped == 0] == plain[swapped == 0]).all()


def test_noise_differs_from_frame_to_frame_and_repeats_with_its_seed() -> None:
    sensor = _sensor()
    first = sensor.take(_flat(100), 0, np.random.default_rng((3, 0)))
    assert (sensor.take(_flat(100), 0, np.random.default_rng((3, 1))) != first).any()
    assert (sensor.take(_flat(100), 0, np.random.default_rng((3, 0))) == first).all()


def test_light_slopes_across_and_drifts_over_time() -> None:
    times = np.arange(200) / 25
    quiet = SensorSettings(read_noise=0.0, shot_noise=0.0, exposure=0.1, sweep=0.2)
    sensor = Sensor(np.random.default_rng(1), times, SIZE, quiet)
    pictures = [sensor.take(_flat(120), index, np.random.default_rng(0)) for index in range(0, 200, 10)]
    slopes = [float(picture[:, -1].mean()) - float(picture[:, 0].mean()) for picture in pictures]
    assert max(slopes) > 4
    assert min(slopes) < -4
    assert np.ptp([picture.mean() for picture in pictures]) > 8
