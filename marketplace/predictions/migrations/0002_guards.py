"""What no code path may do: leave the table of states, rewrite what was asked, rewrite what happened."""

from django.db import migrations

CREATE = """
CREATE FUNCTION prediction_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status, NEW.status) NOT IN (
        ('received', 'dispatched'), ('received', 'failed'), ('received', 'expired'), ('received', 'cancelled'),
        ('dispatched', 'answered'), ('dispatched', 'certified'), ('dispatched', 'contested'),
        ('dispatched', 'failed'), ('dispatched', 'expired'), ('dispatched', 'cancelled'),
        ('answered', 'certified'), ('answered', 'contested'),
        ('answered', 'failed'), ('answered', 'expired'), ('answered', 'cancelled')
    ) THEN
        RAISE EXCEPTION 'a prediction that is % cannot become %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER prediction_transition BEFORE UPDATE OF status ON predictions_prediction
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION prediction_transition();

CREATE FUNCTION prediction_question_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what a prediction asked cannot change' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER prediction_question_stands
    BEFORE UPDATE OF id, organisation_id, version_id, target, mode, params, rows, salt, deadline, created,
        certificate_id
    ON predictions_prediction FOR EACH ROW
    WHEN ((OLD.id, OLD.organisation_id, OLD.version_id, OLD.target, OLD.mode, OLD.params, OLD.rows, OLD.salt,
           OLD.deadline, OLD.created) IS DISTINCT FROM
          (NEW.id, NEW.organisation_id, NEW.version_id, NEW.target, NEW.mode, NEW.params, NEW.rows, NEW.salt,
           NEW.deadline, NEW.created)
          OR (OLD.certificate_id IS NOT NULL AND OLD.certificate_id IS DISTINCT FROM NEW.certificate_id))
    EXECUTE FUNCTION prediction_question_stands();

CREATE FUNCTION prediction_event_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER prediction_event_is_final BEFORE UPDATE OR DELETE ON predictions_predictionevent
    FOR EACH ROW EXECUTE FUNCTION prediction_event_is_final();

-- a prediction is updated a few times in its first second: leave room for that on the same page
ALTER TABLE predictions_prediction SET (fillfactor = 70);
"""
DROP = """
ALTER TABLE predictions_prediction RESET (fillfactor);
DROP TRIGGER prediction_event_is_final ON predictions_predictionevent;
DROP FUNCTION prediction_event_is_final();
DROP TRIGGER prediction_question_stands ON predictions_prediction;
DROP FUNCTION prediction_question_stands();
DROP TRIGGER prediction_transition ON predictions_prediction;
DROP FUNCTION prediction_transition();
"""


class Migration(migrations.Migration):
    dependencies = [("predictions", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
